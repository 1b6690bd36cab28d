-- sslmagic dissector 0.1.0
--
-- Shows preambles in Wireshark and tshark: MAGIC, and the PROXY protocol, versions 1 and
-- 2, read as strictly as spec.md reads them. What follows goes to TLS.
--
-- It takes what an enabled listener would see of one connection: the front of the stream,
-- in whatever segments it came. Names of fields begin with `sslmagic`, since `magic` is
-- another protocol's (Magic Bullet). `sslmagic.fault` is a reason of spec.md section 9,
-- `sslmagic.fault_offset` the octet that it points to, `sslmagic.clause` the clause.
--
-- Not judged here, because a capture does not say it: trust (section 10), proofs (section
-- 7.4; the block and the tag are shown), E5 (section 8; its text is shown), the deadline,
-- and whether TLS must follow (HELLO). A preamble whose connection is still open when the
-- capture ends is left as TCP shows it, and one that is not captured whole has no fault.
--
-- Octets are read from Lua strings: the part down to "Fields" uses nothing of Wireshark's
-- and works in Lua 5.2 to 5.4.

local VERSION = "0.1.0"

-- Octets ---------------------------------------------------------------------------

local byte, sub = string.byte, string.sub

local function octet(s, at)
    return byte(s, at + 1)
end

local function u16(s, at)
    local a, b = byte(s, at + 1, at + 2)
    return a * 256 + b
end

local function slice(s, at, size)
    return sub(s, at + 1, at + size)
end

-- Lua 5.2 has a library for this and 5.3 an operator, which 5.2 cannot parse.
local bxor = bit32 and bit32.bxor or load("return function(a, b) return a ~ b end")()

local function halved(value)
    return math.floor(value / 2)
end

local CRC = {}
for index = 0, 255 do
    local value = index
    for _ = 1, 8 do
        local low = value % 2
        value = halved(value)
        if low == 1 then
            value = bxor(value, 0x82F63B78)
        end
    end
    CRC[index] = value
end

local function crc32c(s)
    local value = 0xFFFFFFFF
    for index = 1, #s do
        local low = bxor(value % 256, byte(s, index))
        value = bxor(math.floor(value / 256), CRC[low])
    end
    return bxor(value, 0xFFFFFFFF)
end

-- The length of the UTF-8 character at `index` of `s` (from 1), nil where none stands.
local function character(s, index)
    local a, b, c, d = byte(s, index, index + 3)
    local function tail(value, low, high)
        return value and value >= (low or 0x80) and value <= (high or 0xBF)
    end
    if a < 0x80 then
        return 1
    elseif a >= 0xC2 and a <= 0xDF then
        return tail(b) and 2 or nil
    elseif a >= 0xE0 and a <= 0xEF then
        local low, high = a == 0xE0 and 0xA0 or 0x80, a == 0xED and 0x9F or 0xBF
        return tail(b, low, high) and tail(c) and 3 or nil
    elseif a >= 0xF0 and a <= 0xF4 then
        local low, high = a == 0xF0 and 0x90 or 0x80, a == 0xF4 and 0x8F or 0xBF
        return tail(b, low, high) and tail(c) and tail(d) and 4 or nil
    end
    return nil
end

local function is_utf8(s)
    local index = 1
    while index <= #s do
        local size = character(s, index)
        if not size then
            return false
        end
        index = index + size
    end
    return true
end

-- Characters that a terminal could obey or hide, as `magic` has them: controls, marks of
-- direction, separators and spaces other than the usual one, and those of no width.
local OBEYED = { { 0x00, 0x1F }, { 0x7F, 0xA0 }, { 0xAD, 0xAD }, { 0x600, 0x605 }, { 0x61C, 0x61C },
    { 0x6DD, 0x6DD }, { 0x70F, 0x70F }, { 0x890, 0x891 }, { 0x8E2, 0x8E2 }, { 0x1680, 0x1680 },
    { 0x180E, 0x180E }, { 0x2000, 0x200F }, { 0x2028, 0x202F }, { 0x205F, 0x2064 },
    { 0x2066, 0x206F }, { 0x3000, 0x3000 }, { 0xE000, 0xF8FF }, { 0xFEFF, 0xFEFF },
    { 0xFFF9, 0xFFFB }, { 0x110BD, 0x110BD }, { 0x110CD, 0x110CD }, { 0x13430, 0x1343F },
    { 0x1BCA0, 0x1BCA3 }, { 0x1D173, 0x1D17A }, { 0xE0001, 0xE0001 }, { 0xE0020, 0xE007F },
    { 0xF0000, 0x10FFFF } }

local LEADS = { 0, 0xC0, 0xE0, 0xF0 }

local function is_obeyed(octets)
    local code = byte(octets, 1) - LEADS[#octets]
    for index = 2, #octets do
        code = code * 64 + byte(octets, index) % 64
    end
    for _, range in ipairs(OBEYED) do
        if code <= range[2] then
            return code >= range[1]
        end
    end
    return false
end

-- Text of octets that are meant to be text; what is none, or is more than text, stays visible.
local function text(s)
    local parts, index = {}, 1
    while index <= #s do
        local size = character(s, index) or 1
        local octets = sub(s, index, index + size - 1)
        if #octets == 1 and byte(octets) > 0x7F or is_obeyed(octets) then
            octets = string.gsub(octets, ".", function(one)
                return string.format("\\x%02x", byte(one))
            end)
        end
        parts[#parts + 1] = octets
        index = index + size
    end
    return table.concat(parts)
end

-- Judgement: spec.md sections 3 to 6, 11 and 12 ------------------------------------

local MAPPED = string.rep("\0", 10) .. "\255\255"
local MAGIC_TYPE, MAGIC_NAME = "\205\3\3", "MAGI"
local PROXY1 = "PROXY "
local PROXY2 = "\r\n\r\n\0\r\nQUIT\n"
local LIMITS = { magic = 2048, proxy1 = 107, proxy2 = 4096 }
local FORMATS = { [0xCD] = "magic", [0x50] = "proxy1", [0x0D] = "proxy2" }
local BLOCK = { [0] = 0, 12, 36, 216 }
local TAG = { [0] = 0, 16, 64 }
local STREAMS = { [0x11] = true, [0x21] = true, [0x31] = true }
local TRANSPORTS = {
    [0x00] = "UNKNOWN",
    [0x11] = "TCP4",
    [0x12] = "UDP4",
    [0x21] = "TCP6",
    [0x22] = "UDP6",
    [0x31] = "UNIX",
    [0x32] = "UNIX-DGRAM",
}

local function fault(reason, offset, clause, ...)
    return { reason = reason, offset = offset, clause = clause, message = string.format(...) }
end

local function prefix_fault(s, start, expected, clause)
    local found = slice(s, start, #expected)
    for index = 1, #found do
        if byte(found, index) ~= byte(expected, index) then
            local at = start + index - 1
            return fault("format", at, clause, "octet %02X where %02X belongs",
                byte(found, index), byte(expected, index))
        end
    end
    return nil
end

local function host4(packed)
    return string.format("%d.%d.%d.%d", byte(packed, 1, 4))
end

-- RFC 5952; a mapped address as IPv4.
local function host(packed)
    if #packed == 4 then
        return host4(packed)
    elseif sub(packed, 1, 12) == MAPPED then
        return host4(sub(packed, 13))
    end
    local groups, best, length, run = {}, 0, 1, 0
    for index = 0, 7 do
        groups[index + 1] = u16(packed, 2 * index)
        run = groups[index + 1] == 0 and run + 1 or 0
        if run > length then
            best, length = index + 2 - run, run
        end
    end
    local said = {}
    for index = 1, 8 do
        said[index] = string.format("%x", groups[index])
    end
    if best == 0 then
        return table.concat(said, ":")
    end
    return table.concat(said, ":", 1, best - 1) .. "::" .. table.concat(said, ":", best + length)
end

local function unmapped(packed)
    return #packed == 16 and sub(packed, 1, 12) == MAPPED and sub(packed, 13) or packed
end

-- Which clause of section 4.3 forbids a source address, and why.
local function source_fault(packed)
    packed = unmapped(packed)
    local first = byte(packed, 1)
    if packed == string.rep("\0", #packed) then
        return "A2", "the unspecified address"
    elseif #packed == 4 then
        if first >= 224 and first <= 239 then
            return "A4", "a multicast address"
        elseif packed == "\255\255\255\255" then
            return "A5", "the broadcast address"
        end
    elseif first == 0xFF then
        return "A4", "a multicast address"
    elseif sub(packed, 1, 12) == string.rep("\0", 12) and sub(packed, 13) ~= "\0\0\0\1" then
        return "A3", "an address of ::/96"
    end
    return nil
end

local function port_fault(at)
    return fault("address", at, "A1", "port 0 cannot be a client's source port")
end

local function path_fault(s, at)
    local field = slice(s, at, 108)
    local nul = string.find(field, "\0", 1, true)
    local other = nul and string.find(field, "[^\0]", nul)
    if other then
        return fault("address", at + nul - 1, "A11", "a UNIX path is followed by zeros only")
    end
    return nil
end

-- `canonical` is MAGIC's: a pair of mapped addresses is refused there (A8, A10).
local function block_fault(s, at, family, canonical)
    if family == 0 then
        return nil
    elseif family == 3 then
        return path_fault(s, at) or path_fault(s, at + 108)
    end
    local size = family == 1 and 4 or 16
    local source = slice(s, at, size)
    local clause, why = source_fault(source)
    if clause then
        return fault("address", at, clause, "%s cannot be a client's source", why)
    elseif u16(s, at + 2 * size) == 0 then
        return port_fault(at + 2 * size)
    elseif canonical and size == 16 and sub(source, 1, 12) == MAPPED
        and slice(s, at + 16, 12) == MAPPED then
        return fault("address", at, "A8", "a pair of IPv4-mapped addresses is IPv4")
    end
    return nil
end

-- type -> name, least and most octets (section 6.2).
local TYPES = {
    [0x01] = { "ALPN", 1, 255, "T10" },
    [0x02] = { "AUTHORITY", 1, 255, "T11" },
    [0x03] = { "CRC32C", 4, 4, "T12" },
    [0x04] = { "NOOP", 0, 65535, "T4" },
    [0x05] = { "UNIQUE_ID", 1, 128, "T15" },
    [0x20] = { "SSL", 5, 65535, "T16" },
    [0x21] = { "SSL_VERSION", 1, 65535, "T4" },
    [0x22] = { "SSL_CN", 1, 65535, "T4" },
    [0x23] = { "SSL_CIPHER", 1, 65535, "T4" },
    [0x24] = { "SSL_SIG_ALG", 1, 65535, "T4" },
    [0x25] = { "SSL_KEY_ALG", 1, 65535, "T4" },
    [0x26] = { "SSL_GROUP", 1, 65535, "T4" },
    [0x27] = { "SSL_SIG_SCHEME", 1, 65535, "T4" },
    [0x28] = { "SSL_CLIENT_CERT", 1, 65535, "T4" },
    [0x30] = { "NETNS", 1, 65535, "T18" },
    [0xE5] = { "PROOF", 1, 65535, "T4" },
}

-- A vendor's name holds only for values of its shape (section 6.4).
local function vendor(kind, value)
    if kind == 0xD0 and sub(value, 1, 9) == "spiffe://" then
        return "ISTIO_SPIFFE_ID"
    elseif kind == 0xE0 and #value == 8 then
        return "GCP_PSC_ID"
    elseif kind == 0xE0 and sub(value, 1, 11) == "-----BEGIN " then
        return "HITCH_CLIENT_CERT"
    elseif kind == 0xE4 then
        return "TELEPORT"
    elseif kind == 0xEA and string.find(value, "^\1[\32-\126]+$") then
        return "AWS_VPCE_ID"
    elseif kind == 0xEE and #value == 5 and byte(value, 1) == 1 then
        return "AZURE_LINK_ID"
    end
    return nil
end

local function tlv_name(kind, value)
    if TYPES[kind] then
        return TYPES[kind][1]
    end
    return vendor(kind, value) or string.format("0x%02X", kind)
end

local function misplaced(kind, at, seen, inside)
    local belongs = kind >= 0x21 and kind <= 0x28
    if kind == 0 then
        return fault("tlv", at, "T3", "TLV type 0 is not valid")
    elseif TYPES[kind] and inside ~= belongs then
        return fault("tlv", at, "T6", "TLV %02X may not stand %s an SSL TLV", kind,
            belongs and "outside" or "inside")
    elseif seen[kind] then
        return fault("tlv", at, "T5", "TLV %02X may stand only once", kind)
    end
    seen[kind] = TYPES[kind] ~= nil and kind ~= 0x04
    return nil
end

local function value_fault(kind, value, at, strict)
    local row = TYPES[kind]
    if not row then
        return nil
    elseif #value < row[2] or #value > row[3] then
        local clause = #value == 0 and "T4" or row[4]
        return fault("tlv", at, clause, "%s of %d octets, where %d to %d are valid", row[1],
            #value, row[2], row[3])
    elseif kind == 0x02 and strict and (#value > 253 or string.find(value, "[^%w.-]")) then
        return fault("tlv", at, "T11", "AUTHORITY is letters, digits, hyphens and dots")
    elseif kind == 0x02 and not is_utf8(value) then
        return fault("tlv", at, "T11", "AUTHORITY is no UTF-8")
    elseif kind == 0x01 and strict and string.find(value, "[^\33-\126]") then
        return fault("tlv", at, "T10", "ALPN holds octets outside 21 to 7E")
    end
    return nil
end

-- Returns the TLVs from `at` to `stop` as far as they are whole, and the first fault.
local function tlvs(s, at, stop, strict, inside)
    local found, seen = {}, {}
    while at < stop do
        local value_at = at + 3
        if value_at > stop then
            return found, fault("tlv", at, "T2", "%d octets are left over", stop - at)
        end
        local kind, length = octet(s, at), u16(s, at + 1)
        if value_at + length > stop then
            return found, fault("tlv", at + 1, "T1", "TLV %02X claims %d octets of %d", kind,
                length, stop - value_at)
        end
        local value = slice(s, value_at, length)
        local one = { kind = kind, at = at, value_at = value_at, value = value, within = {} }
        found[#found + 1] = one
        local wrong = misplaced(kind, at, seen, inside)
            or value_fault(kind, value, value_at, strict)
        if not wrong and kind == 0x20 then
            one.within, wrong = tlvs(s, value_at + 5, value_at + length, strict, true)
        end
        if wrong then
            return found, wrong
        end
        at = value_at + length
    end
    return found, nil
end

local function checksum(s, at)
    return crc32c(sub(s, 1, at) .. "\0\0\0\0" .. sub(s, at + 5))
end

local function checksum_fault(s, found)
    for _, one in ipairs(found) do
        if one.kind == 0x03 and #one.value == 4 then
            local at = one.value_at
            local right, said = checksum(s, at), u16(s, at) * 65536 + u16(s, at + 2)
            one.right = right
            if right ~= said then
                return fault("checksum", at, "T13", "CRC32C is %08x, the octets give %08x", said,
                    right)
            end
        end
    end
    return nil
end

local function least_fault(total, least, clause)
    return fault("length", 3, clause, "a preamble of %d octets, where %d are the least", total,
        least)
end

local function proof_fault(s, command)
    local have = #s
    if have < 13 then
        return nil
    end
    local bind = octet(s, 12)
    if bind > (command == 0 and 0 or 2) then
        return fault("profile", 12, "M11", "bind %d with command %d", bind, command)
    elseif have >= 14 and octet(s, 13) > 1 then
        return fault("profile", 13, "M12", "flags %02X: only bit 0 is defined", octet(s, 13))
    elseif have < 16 then
        return nil
    end
    local bound = u16(s, 14)
    if (bind == 0) ~= (bound == 0) or bound > 17408 then
        return fault("profile", 14, "M13", "%d bound octets with bind %d", bound, bind)
    elseif have >= 20 and slice(s, 16, 4) == "\0\0\0\0" then
        return fault("profile", 16, "M14", "key id 0 is never valid")
    end
    return nil
end

local function head_fault(s, total)
    local have = #s
    local version, command = math.floor(octet(s, 9) / 16), octet(s, 9) % 16
    if version ~= 1 then
        return fault("version", 9, "M5", "version %d, known is 1", version)
    elseif command > 1 then
        return fault("command", 9, "M6", "command %d is neither LOCAL nor PROXY", command)
    elseif have < 11 then
        return nil
    end
    local family = octet(s, 10)
    if family ~= 0 and not STREAMS[family] then
        return fault("family", 10, "M7", "family and transport %02X are not defined", family)
    elseif (command == 0) ~= (family == 0) then
        return fault("family", 10, "M8", "family and transport %02X with command %d", family,
            command)
    elseif have < 12 then
        return nil
    end
    local profile = octet(s, 11)
    if profile > 2 then
        return fault("profile", 11, "M9", "profile %d is not defined", profile)
    end
    local least = 12 + BLOCK[math.floor(family / 16)] + (profile > 0 and 32 + TAG[profile] or 0)
    if total < least then
        return least_fault(total, least, "M10")
    end
    return profile > 0 and proof_fault(s, command) or nil
end

-- What a judgement is: `fault`; or `more`, with how many octets are `wanted` where nothing can be
-- wrong before they are there; or `total` octets, and `tlvs` and what else the format has.

local function judge_magic_body(s, total)
    s = sub(s, 1, total)
    local profile, family = octet(s, 11), math.floor(octet(s, 10) / 16)
    local block_at = 12 + (profile > 0 and 32 or 0)
    local tlvs_at, stop = block_at + BLOCK[family], total - TAG[profile]
    local wrong = block_fault(s, block_at, family, true)
    local found, tlv_wrong = tlvs(s, tlvs_at, stop, true, false)
    if not tlv_wrong and found[33] then
        tlv_wrong = fault("tlv", found[33].at, "T9", "%d TLVs, where 32 is the limit", #found)
    end
    for _, one in ipairs(found) do
        if not tlv_wrong and profile > 0 and one.kind == 0x03 then
            tlv_wrong = fault("tlv", one.at, "T14", "CRC32C does not stand beside a tag")
        end
    end
    local crc_wrong = checksum_fault(s, found)
    return { total = total, tlvs = found, fault = wrong or tlv_wrong or crc_wrong }
end

local function judge_magic(s, limit)
    local wrong = prefix_fault(s, 0, MAGIC_TYPE, "M1")
    if wrong then
        return { fault = wrong }
    elseif #s < 5 then
        return { more = true }
    end
    local total = 5 + u16(s, 3)
    if total < 12 then
        return { fault = least_fault(total, 12, "M2") }
    elseif total > limit then
        return { fault = fault("oversize", 3, "M3", "a preamble of %d octets, where %d is the limit",
            total, limit) }
    end
    wrong = prefix_fault(s, 5, MAGIC_NAME, "M4") or #s > 9 and head_fault(s, total) or nil
    if wrong then
        return { fault = wrong, claimed = total }
    elseif #s < total then
        -- Until head and proof block are there, the next octet may be wrong.
        local is_past = #s >= 20 or #s >= 12 and octet(s, 11) == 0
        return { more = true, wanted = is_past and total - #s or nil, claimed = total }
    end
    return judge_magic_body(s, total)
end

local function said_fault(s)
    local version, command = math.floor(octet(s, 12) / 16), octet(s, 12) % 16
    if version ~= 2 then
        return fault("version", 12, "H3", "version %d behind the signature of 2", version)
    elseif command > 1 then
        return fault("command", 12, "H3", "command %d is neither LOCAL nor PROXY", command)
    elseif #s > 13 and command == 1 and not TRANSPORTS[octet(s, 13)] then
        return fault("family", 13, "H4", "family and transport %02X are not defined",
            octet(s, 13))
    end
    return nil
end

local function judge_proxy2_body(s, total)
    s = sub(s, 1, total)
    if octet(s, 12) % 16 == 0 then
        return { total = total, tlvs = {} }
    end
    local family = math.floor(octet(s, 13) / 16)
    local wrong = block_fault(s, 16, family, false)
    local found, tlv_wrong = tlvs(s, 16 + BLOCK[family], total, false, false)
    local crc_wrong = checksum_fault(s, found)
    return { total = total, tlvs = found, fault = wrong or tlv_wrong or crc_wrong }
end

local function judge_proxy2(s, limit)
    local wrong = prefix_fault(s, 0, PROXY2, "H2") or #s > 12 and said_fault(s) or nil
    if wrong then
        return { fault = wrong }
    elseif #s < 16 then
        return { more = true }
    end
    local total = 16 + u16(s, 14)
    if total > limit then
        return { fault = fault("oversize", 14, "H7", "a header of %d octets, where %d is the limit",
            total, limit) }
    elseif octet(s, 12) % 16 == 1 then
        local block = BLOCK[math.floor(octet(s, 13) / 16)]
        if total < 16 + block then
            return { fault = fault("length", 14, "H6", "%d octets after the head, where %d belong",
                total - 16, block), claimed = total }
        end
    end
    if #s < total then
        return { more = true, wanted = total - #s, claimed = total }
    end
    return judge_proxy2_body(s, total)
end

local function line_fault(offset, clause, ...)
    return fault("line", offset, clause, ...)
end

local function word_fault(head, expected)
    for index = 1, math.min(#expected, #head - 6) do
        if byte(head, 6 + index) ~= byte(expected, index) then
            return line_fault(5 + index, "L4", "the protocol is none of TCP4, TCP6, UNKNOWN")
        end
    end
    return nil
end

-- The fields of a line before its CR LF: the first octet with which no line remains.
local function fields_fault(head)
    local kind = sub(head, 7, 7)
    if kind == "" then
        return nil
    elseif kind == "U" then
        local wrong = word_fault(head, "UNKNOWN")
        if not wrong and string.find(sub(head, 14, 14), "[^ \r]") then
            return line_fault(13, "L4", "UNKNOWN is followed by a space or CR LF")
        end
        return wrong
    end
    local six = sub(head, 10, 10) == "6"
    local wrong = word_fault(head, six and "TCP6" or "TCP4")
    if wrong then
        return wrong
    elseif string.find(sub(head, 11, 11), "[^ ]") then
        return line_fault(10, "L4", "the protocol is followed by one space")
    end
    local body = string.gsub(sub(head, 12), "\r$", "")
    local at = string.find(body, six and "[^%x:. ]" or "[^%d. ]")
    if at then
        return line_fault(10 + at, "L6", "octet %02X has no place in the line",
            byte(body, at))
    end
    return nil
end

-- A CR or LF that is not the line's own end.
local function stray(head, whole)
    for index = 1, #head do
        local value = byte(head, index)
        if value == 10 or (value == 13 and (whole or index < #head)) then
            return index - 1
        end
    end
    return #head
end

local function number_of(field, most)
    local is_number = string.find(field, "^%d+$") and #field <= 5
    if not is_number or (#field > 1 and byte(field, 1) == 48) or tonumber(field) > most then
        return nil
    end
    return tonumber(field)
end

local function pack4(field)
    local octets = {}
    for part in string.gmatch(field .. ".", "([^.]*)%.") do
        local value = number_of(part, 255)
        if not value then
            return nil
        end
        octets[#octets + 1] = string.char(value)
    end
    return #octets == 4 and table.concat(octets) or nil
end

local function groups6(said)
    local octets = ""
    if said == "" then
        return octets
    end
    local rest = said .. ":"
    for part, next_at in string.gmatch(rest, "([^:]*):()") do
        if string.find(part, "^%x%x?%x?%x?$") then
            local value = tonumber(part, 16)
            octets = octets .. string.char(math.floor(value / 256), value % 256)
        else
            local last = next_at > #rest and pack4(part)
            if not last then
                return nil
            end
            octets = octets .. last
        end
    end
    return octets
end

local function pack6(field)
    local left, right = string.match(field, "^(.-)::(.*)$")
    if not left then
        local whole = groups6(field)
        return whole and #whole == 16 and whole or nil
    end
    if string.find(left, ".", 1, true) then
        return nil
    end
    local front, back = groups6(left), groups6(right)
    if not front or not back or #front + #back > 14 then
        return nil
    end
    return front .. string.rep("\0", 16 - #front - #back) .. back
end

local LINE_NAMES = { "source", "destination", "source port", "destination port" }

local function judge_line(s, total)
    local found = { total = total, tlvs = {}, fields = {} }
    if sub(s, 7, 8) == "UN" then
        return found
    end
    local at, six = 11, sub(s, 10, 10) == "6"
    for field in string.gmatch(sub(s, 12, total - 2) .. " ", "([^ ]*) ") do
        found.fields[#found.fields + 1] = { at = at, text = field }
        at = at + #field + 1
    end
    if #found.fields ~= 4 then
        found.fault = line_fault(11, "L6", "%d fields behind the protocol, where 4 belong",
            #found.fields)
        return found
    end
    for index, field in ipairs(found.fields) do
        if index < 3 then
            field.value = (six and pack6 or pack4)(field.text)
        else
            field.value = number_of(field.text, 65535)
        end
        if not field.value then
            found.fault = line_fault(field.at, "L8", "the %s %s is not canonical",
                LINE_NAMES[index], field.text)
            return found
        end
    end
    local clause, why = source_fault(found.fields[1].value)
    if clause then
        found.fault = fault("address", 11, clause, "%s cannot be a client's source", why)
    elseif found.fields[3].value == 0 then
        found.fault = port_fault(found.fields[3].at)
    end
    return found
end

local function judge_proxy1(s, limit)
    local wrong = prefix_fault(s, 0, PROXY1, "L2")
    if wrong then
        return { fault = wrong }
    end
    limit = math.min(limit, 107)
    local stop = string.find(sub(s, 1, limit), "\r\n", 1, true)
    local head = stop and sub(s, 1, stop - 1) or sub(s, 1, limit)
    local at = stray(head, stop ~= nil)
    wrong = fields_fault(sub(head, 1, at))
    if not wrong and at < #head then
        wrong = line_fault(at, "L3", "CR or LF alone does not end a line")
    elseif not wrong and stop and #head < 13 then
        wrong = line_fault(#head, "L4", "the line ends before its fields")
    elseif not wrong and not stop and #s >= limit then
        wrong = fault("oversize", limit, "L7", "no CR LF within %d octets", limit)
    end
    if wrong then
        return { fault = wrong }
    end
    return stop and judge_line(s, stop + 1) or { more = true }
end

local SIGNATURE_CLAUSES = { magic = "M1", proxy1 = "L2", proxy2 = "H2" }
local JUDGES = { magic = judge_magic, proxy1 = judge_proxy1, proxy2 = judge_proxy2 }

-- Judges the front `s` of a stream, where one of `formats` (a set) must stand.
local function judge(s, formats, limits)
    if s == "" then
        return { more = true }
    end
    local format = FORMATS[byte(s, 1)]
    if not format or not formats[format] then
        local one = next(formats)
        local clause = next(formats, one) and "3.1" or SIGNATURE_CLAUSES[one]
        return { fault = fault("format", 0, clause, "octet %02X starts no preamble that is taken",
            byte(s, 1)) }
    end
    local found = JUDGES[format](s, limits[format])
    found.format = format
    return found
end

-- When a proof was made, in seconds and milliseconds of the epoch. As numbers with a point, since
-- 64 bits are more than a whole number of Lua 5.3 has.
local function created(s)
    local milliseconds = (u16(s, 20) * 65536.0 + u16(s, 22)) * 4294967296.0
        + u16(s, 24) * 65536.0 + u16(s, 26)
    local seconds = math.floor(milliseconds / 1000)
    return seconds, math.floor(milliseconds - seconds * 1000.0)
end

-- Whether `s` begins with a signature (section 5.3): its format; "part" if it is too short to
-- tell; or nil.
local function signature(s)
    if s == "" then
        return "part"
    end
    local function fits(expected, at)
        local found = slice(s, at, #expected)
        return found == sub(expected, 1, #found)
    end
    if fits(MAGIC_TYPE, 0) and fits(MAGIC_NAME, 5) then
        return #s >= 9 and "magic" or "part"
    elseif fits(PROXY1, 0) then
        return #s >= 6 and "proxy1" or "part"
    elseif fits(PROXY2, 0) then
        return #s >= 12 and "proxy2" or "part"
    end
    return nil
end

if not Proto then
    -- No Wireshark: the judgement alone, for whoever loads it into a bare Lua.
    return { judge = judge, signature = signature, tlv_name = tlv_name, host = host, text = text,
        created = created }
end

-- Fields ---------------------------------------------------------------------------

local is_new, sslmagic = pcall(Proto, "sslmagic", "MAGIC preamble")
if not is_new then
    -- It is there already: installed, and now named to be tried as well.
    return
end

set_plugin_info({
    version = VERSION,
    author = "The sslmagic maintainers",
    description = "MAGIC preambles, and the PROXY protocol read strictly",
})

-- A second protocol, since one that is called for every frame has no other use.
local ending = Proto("sslmagic_end", "End of a stream inside its preamble")

local COMMANDS = { [0] = "LOCAL", [1] = "PROXY" }
local FAMILIES = {}
for code, name in pairs(TRANSPORTS) do
    FAMILIES[code] = name
end
local PROFILES = { [0] = "unsigned", [1] = "HMAC-SHA-256-128", [2] = "Ed25519", [3] = "reserved" }
local BINDS = { [0] = "nothing", [1] = "the first octets", [2] = "the TLS ClientHello" }
local STATUS = { [0] = "Bad", [1] = "Good", [2] = "Unverified" }
local TYPE_NAMES = { [0xD0] = "ISTIO_SPIFFE_ID", [0xE0] = "GCP_PSC_ID or HITCH_CLIENT_CERT",
    [0xE4] = "TELEPORT", [0xEA] = "AWS_VPCE_ID", [0xEE] = "AZURE_LINK_ID" }
for kind, row in pairs(TYPES) do
    TYPE_NAMES[kind] = row[1]
end

local F = {
    format = ProtoField.string("sslmagic.format", "Format"),
    octets = ProtoField.uint32("sslmagic.octets", "Octets of the whole preamble"),
    fault = ProtoField.string("sslmagic.fault", "Fault"),
    fault_offset = ProtoField.uint32("sslmagic.fault_offset", "Offset of the fault"),
    clause = ProtoField.string("sslmagic.clause", "Clause of spec.md"),
    signature = ProtoField.bytes("sslmagic.signature", "Signature"),
    content_type = ProtoField.uint8("sslmagic.content_type", "Content type", base.HEX),
    record_version = ProtoField.uint16("sslmagic.record_version", "Legacy record version", base.HEX),
    length = ProtoField.uint16("sslmagic.length", "Length"),
    name = ProtoField.string("sslmagic.name", "Name"),
    version = ProtoField.uint8("sslmagic.version", "Version", base.DEC, nil, 0xF0),
    command = ProtoField.uint8("sslmagic.command", "Command", base.DEC, COMMANDS, 0x0F),
    family = ProtoField.uint8("sslmagic.family", "Family and transport", base.HEX, FAMILIES),
    profile = ProtoField.uint8("sslmagic.profile", "Profile", base.DEC, PROFILES),
    line = ProtoField.string("sslmagic.line", "Line"),
    source = ProtoField.string("sslmagic.source", "Source"),
    destination = ProtoField.string("sslmagic.destination", "Destination"),
    source_port = ProtoField.uint16("sslmagic.source_port", "Source port"),
    destination_port = ProtoField.uint16("sslmagic.destination_port", "Destination port"),
    source_ipv4 = ProtoField.ipv4("sslmagic.source.ipv4", "Source address"),
    destination_ipv4 = ProtoField.ipv4("sslmagic.destination.ipv4", "Destination address"),
    source_ipv6 = ProtoField.ipv6("sslmagic.source.ipv6", "Source address"),
    destination_ipv6 = ProtoField.ipv6("sslmagic.destination.ipv6", "Destination address"),
    proof = ProtoField.none("sslmagic.proof", "Proof block"),
    bind = ProtoField.uint8("sslmagic.proof.bind", "Bind", base.DEC, BINDS),
    flags = ProtoField.uint8("sslmagic.proof.flags", "Flags", base.HEX),
    flag_hop = ProtoField.bool("sslmagic.proof.flags.hop", "The hop is covered", 8, nil, 0x01),
    bound = ProtoField.uint16("sslmagic.proof.bound", "Bound octets"),
    key_id = ProtoField.uint32("sslmagic.proof.key_id", "Key id"),
    created = ProtoField.absolute_time("sslmagic.proof.created", "Created", base.UTC),
    created_ms = ProtoField.uint64("sslmagic.proof.created.ms", "Created, in milliseconds"),
    nonce = ProtoField.bytes("sslmagic.proof.nonce", "Nonce"),
    tag = ProtoField.bytes("sslmagic.tag", "Tag"),
    tlv = ProtoField.none("sslmagic.tlv", "TLV"),
    tlv_type = ProtoField.uint8("sslmagic.tlv.type", "Type", base.HEX, TYPE_NAMES),
    tlv_length = ProtoField.uint16("sslmagic.tlv.length", "Length"),
    tlv_value = ProtoField.bytes("sslmagic.tlv.value", "Value"),
    tlv_name = ProtoField.string("sslmagic.tlv.name", "Name"),
    crc32c = ProtoField.uint32("sslmagic.tlv.crc32c", "CRC32C", base.HEX),
    crc32c_status = ProtoField.uint8("sslmagic.tlv.crc32c.status", "CRC32C status", base.DEC, STATUS),
    ssl_client = ProtoField.uint8("sslmagic.tlv.ssl.client", "Client", base.HEX),
    ssl_tls = ProtoField.bool("sslmagic.tlv.ssl.client.ssl", "Over TLS", 8, nil, 0x01),
    ssl_conn = ProtoField.bool("sslmagic.tlv.ssl.client.cert_conn",
        "Certificate on this connection", 8, nil, 0x02),
    ssl_sess = ProtoField.bool("sslmagic.tlv.ssl.client.cert_sess",
        "Certificate in this session", 8, nil, 0x04),
    ssl_verify = ProtoField.uint32("sslmagic.tlv.ssl.verify", "Verify"),
    gcp_psc_id = ProtoField.uint64("sslmagic.tlv.gcp_psc_id", "GCP_PSC_ID"),
    azure_link_id = ProtoField.uint32("sslmagic.tlv.azure_link_id", "AZURE_LINK_ID"),
}

-- Text by the TLV's name: AUTHORITY is sslmagic.tlv.authority.
local TEXTS = {}
for _, name in ipairs({ "ALPN", "AUTHORITY", "NETNS", "PROOF", "SSL_VERSION", "SSL_CN",
    "SSL_CIPHER", "SSL_SIG_ALG", "SSL_KEY_ALG", "SSL_GROUP", "SSL_SIG_SCHEME",
    "ISTIO_SPIFFE_ID", "HITCH_CLIENT_CERT", "AWS_VPCE_ID" }) do
    local abbreviation = string.gsub(string.lower(name), "^ssl_", "ssl.")
    TEXTS[name] = ProtoField.string("sslmagic.tlv." .. abbreviation, name)
end
local OPAQUE = {
    UNIQUE_ID = ProtoField.bytes("sslmagic.tlv.unique_id", "UNIQUE_ID"),
    SSL_CLIENT_CERT = ProtoField.bytes("sslmagic.tlv.ssl.client_cert", "SSL_CLIENT_CERT"),
    TELEPORT = ProtoField.bytes("sslmagic.tlv.teleport", "TELEPORT"),
}

local fields = {}
for _, set in ipairs({ F, TEXTS, OPAQUE }) do
    for _, field in pairs(set) do
        fields[#fields + 1] = field
    end
end
sslmagic.fields = fields

local FAULTS = {
    format = "The first octets are none of the formats that are required",
    version = "A version that nobody knows",
    command = "Neither LOCAL nor PROXY",
    family = "Family or transport is undefined, or has no place here",
    length = "A length that has no room for what must be in it",
    oversize = "Longer than the limit",
    line = "A PROXY v1 line breaks its syntax",
    address = "An address or port that no client has, or that is not canonical",
    tlv = "A TLV overruns, repeats, is misplaced or has a wrong value",
    checksum = "The CRC32C is not that of the octets",
    profile = "Profile, bind, flags, bound or key id are undefined",
    truncated = "The stream ended inside the preamble",
    reset = "The connection failed while the preamble was awaited",
    nested = "Another preamble follows",
}
local GROUPS = { checksum = expert.group.CHECKSUM, nested = expert.group.SECURITY,
    truncated = expert.group.SEQUENCE, reset = expert.group.SEQUENCE }
local EXPERTS, experts = {}, {}
for reason, words in pairs(FAULTS) do
    EXPERTS[reason] = ProtoExpert.new("sslmagic.expert." .. reason, words,
        GROUPS[reason] or expert.group.MALFORMED, expert.severity.ERROR)
    experts[#experts + 1] = EXPERTS[reason]
end
local unproven = ProtoExpert.new("sslmagic.expert.unproven", "The proof is not verified here",
    expert.group.SECURITY, expert.severity.NOTE)
local nobody = ProtoExpert.new("sslmagic.expert.nobody", "The connection has no client",
    expert.group.PROTOCOL, expert.severity.CHAT)
local unseen = ProtoExpert.new("sslmagic.expert.unseen", "The preamble is not captured whole",
    expert.group.UNDECODED, expert.severity.NOTE)
experts[#experts + 1] = unproven
experts[#experts + 1] = nobody
experts[#experts + 1] = unseen
sslmagic.experts = experts

-- Preferences ----------------------------------------------------------------------

local prefs = sslmagic.prefs
prefs.heuristic = Pref.bool("Recognise preambles by their signature", true,
    "On any port, at the front of a TCP stream")
prefs.first_ports = Pref.range("Ports at which to look first",
    "21,22,25,80,110,143,389,443,465,563,587,636,853,989-990,992-995,1883,3306,5061,5222,5432,"
        .. "6379,8000,8008,8080,8443,8883",
    "Where another dissector has the port, it is asked after this one", 65535)
prefs.magic_ports = Pref.range("Ports that require MAGIC", "",
    "Connections to these are judged whatever they begin with", 65535)
prefs.proxy1_ports = Pref.range("Ports that require PROXY v1", "",
    "Connections to these are judged whatever they begin with", 65535)
prefs.proxy2_ports = Pref.range("Ports that require PROXY v2", "",
    "Connections to these are judged whatever they begin with", 65535)
prefs.magic_limit = Pref.uint("Longest MAGIC preamble", LIMITS.magic, "In octets")
prefs.proxy2_limit = Pref.uint("Longest PROXY v2 header", LIMITS.proxy2, "In octets")

local function each_port(ranges, act)
    for first, last in string.gmatch(ranges or "", "(%d+)%-?(%d*)") do
        for port = tonumber(first), tonumber(last) or tonumber(first) do
            act(port)
        end
    end
end

-- Showing a preamble ---------------------------------------------------------------

-- Adds what is whole at `at`; nil if octets are missing. `value` replaces the octets' own.
local function put(tree, field, tvb, at, size, value)
    if at + size > tvb:len() then
        return nil
    elseif value ~= nil then
        return tree:add(field, tvb:range(at, size), value)
    end
    return tree:add(field, tvb:range(at, size))
end

local function show_fault(tree, tvb, wrong)
    local at = math.min(wrong.at or wrong.offset, math.max(tvb:len() - 1, 0))
    local range = tvb:len() > 0 and tvb:range(at, 1) or nil
    local function say(field, value)
        local item = range and tree:add(field, range, value) or tree:add(field, value)
        item:set_generated()
        return item
    end
    local item = say(F.fault, wrong.reason)
    say(F.fault_offset, wrong.offset)
    if wrong.clause then
        say(F.clause, wrong.clause)
    end
    item:add_proto_expert_info(EXPERTS[wrong.reason], string.format("%s: %s%s", wrong.reason,
        wrong.message, wrong.clause and " (" .. wrong.clause .. ")" or ""))
end

-- Returns the two ends in words, as far as the block is there.
local function show_block(tree, tvb, s, at, family)
    if #s < at + BLOCK[family] or family == 0 then
        return nil
    elseif family == 3 then
        local source = text((string.gsub(slice(s, at, 108), "\0+$", "")))
        local destination = text((string.gsub(slice(s, at + 108, 108), "\0+$", "")))
        put(tree, F.source, tvb, at, 108, source)
        put(tree, F.destination, tvb, at + 108, 108, destination)
        return "unix:" .. source .. " → unix:" .. destination
    end
    local size = family == 1 and 4 or 16
    local ends = {}
    for side, name in ipairs({ "source", "destination" }) do
        local address_at, port_at = at + size * (side - 1), at + 2 * size + 2 * (side - 1)
        local said = host(slice(s, address_at, size))
        local item = put(tree, F[name], tvb, address_at, size, said)
        put(item, F[name .. (size == 4 and "_ipv4" or "_ipv6")], tvb, address_at, size)
        if size == 16 and slice(s, address_at, 12) == MAPPED then
            put(item, F[name .. "_ipv4"], tvb, address_at + 12, 4)
        end
        put(tree, F[name .. "_port"], tvb, port_at, 2)
        local bracketed = string.find(said, ":", 1, true) and "[" .. said .. "]" or said
        ends[side] = bracketed .. ":" .. u16(s, port_at)
    end
    return ends[1] .. " → " .. ends[2]
end

local show_tlvs

local function show_ssl(tree, tvb, one)
    local client = put(tree, F.ssl_client, tvb, one.value_at, 1)
    for _, name in ipairs({ "ssl_tls", "ssl_conn", "ssl_sess" }) do
        put(client, F[name], tvb, one.value_at, 1)
    end
    put(tree, F.ssl_verify, tvb, one.value_at + 1, 4)
    show_tlvs(tree, tvb, one.within)
end

local function show_checksum(tree, tvb, one)
    local item = put(tree, F.crc32c, tvb, one.value_at, 4)
    local said = u16(one.value, 0) * 65536 + u16(one.value, 2)
    -- Where a TLV before it is wrong, a decoder never comes here either.
    local status = one.right == nil and 2 or one.right == said and 1 or 0
    tree:add(F.crc32c_status, tvb:range(one.value_at, 4), status):set_generated()
    if status == 0 then
        item:append_text(string.format(" (should be 0x%08x)", one.right))
    end
end

local function show_value(tree, tvb, one)
    local name, at, size = one.name, one.value_at, #one.value
    if name == "SSL" and size >= 5 then
        show_ssl(tree, tvb, one)
        return nil
    elseif name == "CRC32C" and size == 4 then
        show_checksum(tree, tvb, one)
        return nil
    elseif name == "GCP_PSC_ID" then
        put(tree, F.gcp_psc_id, tvb, at, 8)
        return tostring(tvb:range(at, 8):uint64())
    elseif name == "AZURE_LINK_ID" then
        tree:add_le(F.azure_link_id, tvb:range(at + 1, 4))
        return tostring(tvb:range(at + 1, 4):le_uint())
    elseif TEXTS[name] and size > 0 then
        local skipped = name == "AWS_VPCE_ID" and 1 or 0
        local said = text(sub(one.value, 1 + skipped))
        put(tree, TEXTS[name], tvb, at + skipped, size - skipped, said)
        return said
    elseif OPAQUE[name] and size > 0 then
        put(tree, OPAQUE[name], tvb, at, size)
    end
    return string.format("%d octets", size)
end

show_tlvs = function(tree, tvb, found)
    for _, one in ipairs(found) do
        one.name = tlv_name(one.kind, one.value)
        local size = 3 + #one.value
        local item = tree:add(F.tlv, tvb:range(one.at, size))
        item:set_text("TLV " .. one.name)
        put(item, F.tlv_type, tvb, one.at, 1)
        put(item, F.tlv_name, tvb, one.at, 1, one.name):set_generated()
        put(item, F.tlv_length, tvb, one.at + 1, 2)
        if #one.value > 0 then
            put(item, F.tlv_value, tvb, one.value_at, #one.value)
        end
        local said = show_value(item, tvb, one)
        if said then
            item:append_text(": " .. said)
        end
    end
end

local function show_proof(tree, tvb, s)
    local size = math.min(32, #s - 12)
    if size < 1 then
        return
    end
    local block = tree:add(F.proof, tvb:range(12, size))
    block:set_text("Proof block")
    put(block, F.bind, tvb, 12, 1)
    local flags = put(block, F.flags, tvb, 13, 1)
    if flags then
        put(flags, F.flag_hop, tvb, 13, 1)
    end
    put(block, F.bound, tvb, 14, 2)
    put(block, F.key_id, tvb, 16, 4)
    if #s >= 28 then
        local seconds, rest = created(s)
        -- Beyond the year 9999 there is no time to show, only the number.
        if seconds < 253402300800 then
            put(block, F.created, tvb, 20, 8, NSTime.new(seconds, rest * 1000000))
        end
        put(block, F.created_ms, tvb, 20, 8)
    end
    put(block, F.nonce, tvb, 28, 16)
    block:add_proto_expert_info(unproven)
end

local function show_magic(tree, tvb, s, found)
    put(tree, F.content_type, tvb, 0, 1)
    put(tree, F.record_version, tvb, 1, 2)
    put(tree, F.length, tvb, 3, 2)
    put(tree, F.name, tvb, 5, 4, text(slice(s, 5, 4)))
    put(tree, F.version, tvb, 9, 1)
    put(tree, F.command, tvb, 9, 1)
    put(tree, F.family, tvb, 10, 1)
    put(tree, F.profile, tvb, 11, 1)
    local profile = #s >= 12 and octet(s, 11) or 0
    if profile == 1 or profile == 2 then
        show_proof(tree, tvb, s)
    end
    if not found.total then
        return nil
    end
    local at = 12 + (profile > 0 and 32 or 0)
    local ends = show_block(tree, tvb, s, at, math.floor(octet(s, 10) / 16))
    show_tlvs(tree, tvb, found.tlvs)
    if profile > 0 then
        put(tree, F.tag, tvb, found.total - TAG[profile], TAG[profile])
    end
    local said = COMMANDS[octet(s, 9) % 16]
    return ends and said .. " " .. TRANSPORTS[octet(s, 10)] .. " " .. ends or said
end

local function show_proxy2(tree, tvb, s, found)
    put(tree, F.signature, tvb, 0, 12)
    put(tree, F.version, tvb, 12, 1)
    put(tree, F.command, tvb, 12, 1)
    put(tree, F.family, tvb, 13, 1)
    put(tree, F.length, tvb, 14, 2)
    if not found.total then
        return nil
    end
    local command = COMMANDS[octet(s, 12) % 16]
    if command == "LOCAL" then
        return command
    end
    local ends = show_block(tree, tvb, s, 16, math.floor(octet(s, 13) / 16))
    show_tlvs(tree, tvb, found.tlvs)
    local said = command .. " " .. TRANSPORTS[octet(s, 13)]
    return ends and said .. " " .. ends or said
end

local function show_proxy1(tree, tvb, s, found)
    local line = string.match(sub(s, 1, 107), "^[^\r\n]*")
    if #line > 0 then
        put(tree, F.line, tvb, 0, #line, text(line))
    end
    local parts = found.fields or {}
    if #parts ~= 4 or found.fault and found.fault.reason == "line" then
        return string.match(line, "^PROXY %w+")
    end
    for index, name in ipairs({ "source", "destination" }) do
        local address, port = parts[index], parts[index + 2]
        put(tree, F[name], tvb, address.at, #address.text, host(address.value))
        put(tree, F[name .. "_port"], tvb, port.at, #port.text, port.value)
    end
    return line
end

local SHOWN = { magic = show_magic, proxy1 = show_proxy1, proxy2 = show_proxy2 }
local TITLES = { magic = "MAGIC preamble", proxy1 = "PROXY v1, read strictly",
    proxy2 = "PROXY v2, read strictly" }

-- Adds the preamble that `found` judged; returns it in words for the column.
local function show(tvb, tree, s, found)
    local size = math.max(math.min(found.total or found.claimed or tvb:len(), tvb:len()), 1)
    local top = tree:add(sslmagic, tvb:range(0, size))
    local title = TITLES[found.format] or "No preamble where one is required"
    top:set_text(title)
    if found.format then
        top:add(F.format, tvb:range(0, 1), found.format):set_generated()
    end
    if found.total then
        top:add(F.octets, tvb:range(0, size), found.total):set_generated()
    end
    local shown = found.format and SHOWN[found.format](top, tvb, s, found)
    local said = shown or title
    if shown then
        top:append_text(": " .. shown)
    end
    if found.fault then
        show_fault(top, tvb, found.fault)
        said = said .. " [" .. found.fault.reason .. " at " .. found.fault.offset .. "]"
    elseif not found.total then
        top:add_proto_expert_info(unseen)
    elseif shown == "LOCAL" or shown == "PROXY UNKNOWN" then
        top:add_proto_expert_info(nobody)
    end
    return said, top
end

-- Streams --------------------------------------------------------------------------

-- Octets that are not captured make a dissector throw, and what it throws passes over the Lua
-- that called it: after some 200 of them Wireshark calls no Lua any more. So nobody is called
-- from here with less than the whole, and where TCP can ask them itself it is left to TCP: 0 is
-- returned to it. For the same reason the ports are not taken in TCP's table. The conversation
-- is, at its SYN, and its dissector is the first that TCP asks.

local stream_field = Field.new("tcp.stream")
local seq_field, raw_field = Field.new("tcp.seq"), Field.new("tcp.seq_raw")
local length_field, acknowledged_field = Field.new("tcp.len"), Field.new("tcp.ack_raw")
local syn_field, ack_field = Field.new("tcp.flags.syn"), Field.new("tcp.flags.ack")
local fin_field, reset_field = Field.new("tcp.flags.fin"), Field.new("tcp.flags.reset")
local icmp_field, icmpv6_field = Field.new("icmp.type"), Field.new("icmpv6.type")

local tcp_port = DissectorTable.get("tcp.port")
local tls, data = Dissector.get("tls"), Dissector.get("data")

local TCP = 2 -- as `port_type`
local NUMBERS = 4294967296

-- By number of the TCP stream: `from`, the direction of the preamble; `front`, the frame in
-- which it was judged; `refused`; `held`, the octets of it that are there; `gap`, the frame
-- before which some are missing; `total`; `next`, who has what follows, and `nested`, the frame
-- in which that began with a preamble.
local streams = {}
-- By stream: `from`, the direction that opened it; `start`, its first octet's sequence number,
-- nil where there is none to be had.
local openers = {}
-- Streams whose preamble is incomplete, and, by frame, what their end says of them.
local pending, ends = {}, {}
-- Ports whose conversations this one takes, and the formats that ports require.
local watched, required = {}, {}
-- The frame in which other heuristics are asked: this one keeps out of the way. A frame's number
-- and no flag, since nothing behind the call runs if one of them throws.
local asking = nil
-- The frame in which it puts itself in front of them again.
local lifted = nil

-- In a tunnel there are several of a field: the last is the innermost.
local function last(field)
    local first, second = field()
    if second then
        local infos = { field() }
        first = infos[#infos]
    end
    return first and first.value
end

local function end_of(port, other, address)
    return port ~= other and port or tostring(address)
end

local function direction(pinfo)
    return end_of(pinfo.src_port, pinfo.dst_port, pinfo.src)
end

-- In the first of two passes tshark makes no fields unless it has a filter to apply. Then a
-- connection is known by its ends, and one with the same ends is not told from it.
local is_blind = false

-- An error of ICMP quotes a segment, which is no part of the stream.
local function is_quoted()
    return icmp_field() ~= nil or icmpv6_field() ~= nil
end

local function key_of(pinfo)
    local key = not is_blind and last(stream_field)
    if key then
        return key
    end
    is_blind = true
    local here = tostring(pinfo.src) .. " " .. pinfo.src_port
    local there = tostring(pinfo.dst) .. " " .. pinfo.dst_port
    return here < there and here .. " " .. there or there .. " " .. here
end

-- Notes who opens a stream. Without fields that is who is seen first.
local function note_opening(pinfo)
    if pinfo.port_type ~= TCP then
        return
    end
    local is_syn = last(syn_field)
    if is_syn == false then
        return
    end
    local key = key_of(pinfo)
    if is_syn and last(ack_field) then
        openers[key] = openers[key] and openers[key].start and openers[key] or {
            from = end_of(pinfo.dst_port, pinfo.src_port, pinfo.dst),
            start = last(acknowledged_field),
        }
    elseif is_syn then
        openers[key] = { from = direction(pinfo), start = (last(raw_field) + 1) % NUMBERS }
    elseif openers[key] then
        return
    else
        openers[key] = { from = direction(pinfo) }
    end
    if watched[pinfo.dst_port] or watched[pinfo.src_port] then
        pinfo.conversation = sslmagic
    end
end

-- Which octet of the opener's the segment begins with, from 0; nil if that is not known.
local function place(pinfo, key)
    local opener, raw = openers[key], last(raw_field)
    if not raw or not opener or not opener.start or direction(pinfo) ~= opener.from then
        return nil
    end
    local at = (raw - opener.start + (last(syn_field) and 1 or 0)) % NUMBERS
    return at < NUMBERS / 2 and at or at - NUMBERS
end

-- Whether it is known that what the peer sends begins here.
local function is_beginning(pinfo, key)
    local opener = openers[key]
    if opener and not last(raw_field) then
        return direction(pinfo) == opener.from
    end
    return place(pinfo, key) == 0
end

-- Whether nothing says where in its direction the segment stands: there are no numbers, or they
-- are absolute, as the user's preference may be, and their beginning is not captured.
local function is_nowhere(pinfo, key)
    local seq = last(seq_field)
    return not place(pinfo, key) and (seq == nil or seq == last(raw_field))
end

-- Whether what the peer sends may begin here.
local function is_first(pinfo, key)
    local opener, at = openers[key], place(pinfo, key)
    if at or opener and direction(pinfo) ~= opener.from then
        return at == 0
    end
    return is_nowhere(pinfo, key) or last(seq_field) <= 1
end

local function is_same(dissector, other)
    return dissector ~= nil and other ~= nil and tostring(dissector) == tostring(other)
end

local function of_ports(pinfo)
    local low = math.min(pinfo.src_port, pinfo.dst_port)
    local high = math.max(pinfo.src_port, pinfo.dst_port)
    return tcp_port:get_dissector(low) or tcp_port:get_dissector(high)
end

local function await(pinfo, offset, octets)
    pinfo.desegment_offset = offset
    pinfo.desegment_len = octets or DESEGMENT_ONE_MORE_SEGMENT
end

-- Who understands what follows, by its first octets and then by the port.
local function successor(s, pinfo)
    if byte(s, 1) == 0x16 and (#s < 2 or byte(s, 2) == 3) then
        return tls
    elseif sub(s, 1, 14) == "PRI * HTTP/2.0" then
        return Dissector.get("http2")
    elseif string.find(s, "^%u+ [/*h]") then
        return Dissector.get("http")
    elseif sub(s, 1, 4) == "SSH-" then
        return Dissector.get("ssh")
    end
    local own = of_ports(pinfo)
    -- TLS takes what is none for the middle of a connection.
    return own and not is_same(own, tls) and own or nil
end

-- Calls the dissector for octets that are all there. What it throws about them is shown by then.
local function call(dissector, tvb, pinfo, tree)
    pcall(dissector.call, dissector, tvb, pinfo, tree)
end

-- Gives what begins at `base` of the segment to a dissector, nil where none is known; returns the
-- octets taken, 0 where TCP shall ask whom it knows.
local function hand_over(dissector, tvb, pinfo, tree, base)
    local is_whole = tvb:len() >= tvb:reported_len()
    if base == 0 then
        local own = of_ports(pinfo)
        if not dissector and is_same(own, tls) then
            data:call(tvb, pinfo, tree)
            return tvb:len()
        elseif not dissector or not is_whole or is_same(own, dissector) then
            return 0
        end
    end
    local rest = base > 0 and tvb:range(base):tvb() or tvb
    if not dissector or not is_whole then
        data:call(rest, pinfo, tree)
    elseif dissector == tls and base == 0 then
        -- It is called by TCP as well as by this one, and takes no conversation.
        pinfo.can_desegment = pinfo.can_desegment > 0 and 2 or 0
        call(tls, tvb, pinfo, tree)
    else
        -- TCP lets its dissectors wait for octets, and those that they call no more.
        if pinfo.can_desegment > 0 then
            pinfo.can_desegment = 2
        end
        call(dissector, rest, pinfo, tree)
        if base > 0 and pinfo.desegment_len > 0 then
            pinfo.desegment_offset = pinfo.desegment_offset + base
        end
        -- Whoever took it may have taken the conversation, and the preamble with it.
        pinfo.conversation = sslmagic
    end
    return tvb:len()
end

local function show_nested(tvb, tree, state)
    local format = state.nested_format
    local top = tree:add(sslmagic, tvb:range(0, math.min(12, tvb:len())))
    top:set_text("A second preamble: " .. format)
    show_fault(top, tvb, { reason = "nested", offset = state.total, at = 0, clause = "5.3",
        message = format .. " behind a preamble" })
end

-- What stands behind the preamble, from `base` of the segment on. Returns the octets taken.
local function follow(tvb, pinfo, tree, state, base)
    local is_peer = direction(pinfo) == state.from
    if is_peer and state.refused then
        data:call(base > 0 and tvb:range(base):tvb() or tvb, pinfo, tree)
        return tvb:len()
    end
    local heir = state.next
    if is_peer and (heir == nil or pinfo.number < state.decided) then
        local s = tvb:raw(base, math.min(tvb:len() - base, 64))
        local format = signature(s)
        -- A word in capitals that has not ended is a request's, mostly.
        local is_open = format == "part" or string.find(s, "^%u+$") and #s < 16
        if is_open and pinfo.can_desegment > 0 then
            state.is_open = true
            await(pinfo, base)
            return tvb:len()
        end
        -- Behind a lost segment stands nothing that follows the preamble.
        local is_next = base > 0 or state.is_open
            or (place(pinfo, state.key) or state.total) <= state.total
        if format and format ~= "part" and is_next then
            state.nested, state.nested_format, heir = pinfo.number, format, data
        else
            heir = successor(s, pinfo) or false
        end
        state.next, state.decided = heir, pinfo.number
    elseif heir == nil then
        heir = of_ports(pinfo)
    end
    local mark = "sslmagic.nested." .. state.key
    if is_peer and state.nested == pinfo.number and not pinfo.private[mark] then
        pinfo.private[mark] = "shown"
        show_nested(base > 0 and tvb:range(base):tvb() or tvb, tree, state)
        pinfo.cols.info:append(" [nested at " .. state.total .. "]")
    end
    local octets = hand_over(heir or nil, tvb, pinfo, tree, base)
    if octets == 0 then
        state.passed = pinfo.number
    end
    return octets
end

local function limits()
    return { magic = prefs.magic_limit, proxy1 = LIMITS.proxy1, proxy2 = prefs.proxy2_limit }
end

-- Wireshark's own view of a PROXY header, under its own names of fields. It has no name to be
-- called by, and the heuristic that fits becomes the first to be asked on the next stream: there
-- this one must stand again, which takes one octet that nobody else would take.
local function show_theirs(tvb, pinfo, tree, found)
    if found.format == "magic" or not found.total or found.fault then
        return
    end
    -- Of a LOCAL header it reads the block that the family would have, though it may be shorter.
    local is_local = found.format == "proxy2" and tvb:range(12, 1):uint() % 16 == 0
    if not is_local or found.total == 16 and tvb:range(13, 1):uint() == 0 then
        asking = pinfo.number
        DissectorTable.try_heuristics("tcp", tvb:range(0, found.total):tvb(), pinfo, tree)
        asking, lifted = nil, pinfo.number
        DissectorTable.try_heuristics("tcp", tvb:range(0, 1):tvb(), pinfo, tree)
        lifted = nil
    end
end

-- Whether `s` stands at the front of its stream. Where segments are lost or come in another
-- order TCP shows each as it comes.
local function is_at_front(s, pinfo, state)
    if state.held then
        return sub(s, 1, #state.held) == state.held
    end
    return not last(raw_field) or is_beginning(pinfo, state.key)
end

-- Says of the first segment behind a hole that the preamble is not there whole.
local function show_gap(tvb, pinfo, tree, state)
    local at = place(pinfo, state.key)
    if at and at > 0 and (state.gap == nil or state.gap == pinfo.number) then
        state.gap = pinfo.number
        local top = tree:add(sslmagic, tvb:range(0, 0))
        top:set_text("A preamble of which segments are missing")
        top:add_proto_expert_info(unseen)
    end
    state.passed = pinfo.number
    return 0
end

-- The front of a stream. Returns the octets taken.
local function front(tvb, pinfo, tree, state)
    local s = tvb:raw(0, math.min(tvb:len(), 65551))
    if not is_at_front(s, pinfo, state) then
        return show_gap(tvb, pinfo, tree, state)
    end
    local found = judge(s, state.formats, limits())
    if found.more and tvb:reported_len() <= tvb:len() and pinfo.can_desegment > 0 then
        state.held, state.claimed = s, found.wanted and found.claimed
        pending[state.key] = state
        await(pinfo, 0, found.wanted)
        return tvb:len()
    end
    pending[state.key] = nil
    state.front = pinfo.number
    state.refused = not found.total or found.fault ~= nil
    state.total = found.total
    pinfo.private["sslmagic.front." .. state.key] = "seen"
    local said = show(tvb, tree, s, found)
    pinfo.cols.protocol = found.format == "magic" and "MAGIC" or "PROXY"
    pinfo.cols.info:set(said .. " ")
    pinfo.cols.info:fence()
    local total = found.total
    if total and total < tvb:len() then
        follow(tvb, pinfo, tree, state, total)
    end
    show_theirs(tvb, pinfo, tree, found)
    return tvb:len()
end

local function is_front(pinfo, state)
    local number, judged = pinfo.number, state.front
    if judged and number > judged or direction(pinfo) ~= state.from then
        return false
    end
    -- One frame may hold the end of the preamble and, as a segment of its own, what follows.
    return number ~= judged or not pinfo.private["sslmagic.front." .. state.key]
end

local function continue(tvb, pinfo, tree, state)
    if is_front(pinfo, state) then
        return front(tvb, pinfo, tree, state)
    end
    return follow(tvb, pinfo, tree, state, 0)
end

-- `held` are the octets that were there before, nil if none were, and `start` is the sequence
-- number of the first, nil where there is none to be had.
local function begin(tvb, pinfo, tree, key, formats, held, start)
    local state = { key = key, from = direction(pinfo), formats = formats, held = held }
    streams[key] = state
    openers[key] = openers[key] or { from = state.from, start = start }
    pinfo.conversation = sslmagic
    return continue(tvb, pinfo, tree, state)
end

local ANY = { magic = true, proxy1 = true, proxy2 = true }
-- Streams of which too little is there to tell whether they begin with a signature: `held`, what
-- is there, and `start`, its sequence number. False once that is told.
local doubtful = {}
-- Where sequence numbers say nothing: directions that began with something else.
local plain = {}

-- Returns the octets taken if a stream begins with a signature or may; else 0.
local function recognise(tvb, pinfo, tree, key)
    local doubt = doubtful[key]
    if doubt == false or not (doubt or is_first(pinfo, key)) or tvb:len() == 0 then
        return 0
    end
    local way = is_nowhere(pinfo, key) and key .. " from " .. tostring(direction(pinfo))
    if way and plain[way] then
        return 0
    end
    local s = tvb:raw(0, math.min(tvb:len(), 16))
    if doubt and sub(s, 1, #doubt.held) ~= doubt.held then
        return 0
    end
    local format = signature(s)
    if format == "part" and pinfo.can_desegment > 0 then
        doubtful[key] = { held = s, start = doubt and doubt.start or last(raw_field) }
        await(pinfo, 0)
        return tvb:len()
    elseif format and format ~= "part" then
        doubtful[key] = nil
        doubt = doubt or { start = last(raw_field) }
        return begin(tvb, pinfo, tree, key, ANY, doubt.held, doubt.start)
    end
    doubtful[key] = doubt and false
    if way then
        plain[way] = true
    end
    return 0
end

function sslmagic.dissector(tvb, pinfo, tree)
    local key = key_of(pinfo)
    local state = streams[key]
    if state then
        return continue(tvb, pinfo, tree, state)
    end
    local formats = required[pinfo.dst_port]
    if is_quoted() then
        return 0
    elseif formats and is_beginning(pinfo, key) then
        return begin(tvb, pinfo, tree, key, formats)
    end
    return prefs.heuristic and recognise(tvb, pinfo, tree, key) or 0
end

sslmagic:register_heuristic("tcp", function(tvb, pinfo, tree)
    local number = pinfo.number
    if lifted == number or asking == number or not prefs.heuristic then
        return lifted == number
    end
    local key = key_of(pinfo)
    local state = streams[key]
    if state then
        return state.passed ~= number and continue(tvb, pinfo, tree, state) > 0
    end
    return not is_quoted() and recognise(tvb, pinfo, tree, key) > 0
end)

local function watch_ports()
    watched, required = {}, {}
    for _, format in ipairs({ "magic", "proxy1", "proxy2" }) do
        each_port(prefs[format .. "_ports"], function(port)
            required[port] = required[port] or {}
            required[port][format] = true
            watched[port] = true
        end)
    end
    if prefs.heuristic then
        each_port(prefs.first_ports, function(port)
            watched[port] = true
        end)
    end
end

function sslmagic.init()
    streams, openers, pending, ends = {}, {}, {}, {}
    doubtful, plain, is_blind = {}, {}, false
    asking, lifted = nil, nil
    watch_ports()
end

-- Ends of streams ------------------------------------------------------------------

-- What a stream that ends here leaves unsaid, nil if nothing.
local function ended(pinfo)
    local is_reset = last(reset_field)
    if not is_reset and not last(fin_field) then
        return nil
    end
    local key = key_of(pinfo)
    local state = streams[key]
    -- While TCP gathers octets that were asked for, nobody is shown those that come.
    local had = state and state.held and #state.held or 0
    if state then
        if not pending[key] or direction(pinfo) ~= state.from then
            return nil
        end
        local at = place(pinfo, key)
        local held = had
        had = at and at + last(length_field) or had
        if state.claimed and had >= state.claimed or not state.claimed and had ~= held then
            -- More was sent than was captured.
            return nil
        end
    elseif not required[pinfo.dst_port] or not is_beginning(pinfo, key) then
        return nil
    end
    pending[key] = nil
    streams[key] = state or { key = key, from = direction(pinfo), front = pinfo.number, refused = true }
    local reason, clause = "truncated", "M16"
    if is_reset then
        reason, clause = "reset", nil
    end
    return { reason = reason, clause = clause, offset = had,
        message = string.format("%s after %d octets", FAULTS[reason], had) }
end

function ending.dissector(tvb, pinfo, tree)
    -- It is called at the end of every frame, whatever was thrown in it.
    asking, lifted = nil, nil
    note_opening(pinfo)
    if next(pending) or next(required) then
        ends[pinfo.number] = ends[pinfo.number] or ended(pinfo)
    end
    local wrong = ends[pinfo.number]
    if wrong then
        local top = tree:add(sslmagic, tvb:range(0, 0), FAULTS[wrong.reason])
        show_fault(top, tvb:range(0, 0):tvb(), wrong)
        pinfo.cols.info:append(" [" .. wrong.reason .. " at " .. wrong.offset .. "]")
    end
end

register_postdissector(ending)
