// Times go-proxyproto's decoder and encoder, one request a line, so that the caller
// can interleave its rounds with those of other codecs.
//
// Request:  OPERATION COUNT ARGUMENT...
//
//	decode COUNT HEX             Read from a bufio.Reader: *Header with two *net.TCPAddr
//	decode-text COUNT HEX        the same, and both addresses formatted
//	encode COUNT VERSION SOURCE DESTINATION [TLVS-HEX]
//	                             Format of a Header that is ready
//	encode-addresses ...         the Header made anew from two *net.TCPAddr, and Format
//
// Answer: nanoseconds for all COUNT operations, or "error: ..." and the end.
package main

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	proxyproto "github.com/pires/go-proxyproto"
)

// Results go here, so that no operation is dead code to the compiler.
var (
	sinkHeader *proxyproto.Header
	sinkText   string
	sinkOctets []byte
)

func main() {
	requests := bufio.NewScanner(os.Stdin)
	for requests.Scan() {
		took, err := answer(strings.Fields(requests.Text()))
		if err != nil {
			fmt.Println("error:", err)
			os.Exit(1)
		}
		fmt.Println(took.Nanoseconds())
	}
}

func answer(words []string) (time.Duration, error) {
	count, err := strconv.Atoi(words[1])
	if err != nil {
		return 0, err
	}
	switch words[0] {
	case "decode":
		return decode(count, words[2], func(*proxyproto.Header) {})
	case "decode-text":
		return decode(count, words[2], func(header *proxyproto.Header) {
			sinkText = header.SourceAddr.String()
			sinkText = header.DestinationAddr.String()
		})
	case "encode", "encode-addresses":
		return encode(count, words[2:], words[0] == "encode-addresses")
	}
	return 0, fmt.Errorf("unknown operation %q", words[0])
}

func decode(count int, text string, look func(*proxyproto.Header)) (time.Duration, error) {
	octets, err := hex.DecodeString(text)
	if err != nil {
		return 0, err
	}
	source := bytes.NewReader(octets)
	reader := bufio.NewReader(source)
	start := time.Now()
	for i := 0; i < count; i++ {
		source.Reset(octets)
		reader.Reset(source)
		header, err := proxyproto.Read(reader)
		if err != nil {
			return 0, err
		}
		look(header)
		sinkHeader = header
	}
	return time.Since(start), nil
}

func encode(count int, words []string, anew bool) (time.Duration, error) {
	version, err := strconv.Atoi(words[0])
	if err != nil {
		return 0, err
	}
	source, err := net.ResolveTCPAddr("tcp", words[1])
	if err != nil {
		return 0, err
	}
	destination, err := net.ResolveTCPAddr("tcp", words[2])
	if err != nil {
		return 0, err
	}
	var tlvs []proxyproto.TLV
	if len(words) > 3 {
		raw, err := hex.DecodeString(words[3])
		if err != nil {
			return 0, err
		}
		if tlvs, err = proxyproto.SplitTLVs(raw); err != nil {
			return 0, err
		}
	}
	build := func() (*proxyproto.Header, error) {
		header := proxyproto.HeaderProxyFromAddrs(byte(version), source, destination)
		if tlvs == nil {
			return header, nil
		}
		return header, header.SetTLVs(tlvs)
	}
	header, err := build()
	if err != nil {
		return 0, err
	}
	start := time.Now()
	for i := 0; i < count; i++ {
		if anew {
			if header, err = build(); err != nil {
				return 0, err
			}
		}
		if sinkOctets, err = header.Format(); err != nil {
			return 0, err
		}
	}
	return time.Since(start), nil
}
