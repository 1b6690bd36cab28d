"""Plaintext HTTP/1: requests go on to a node, with X-Cluster-Client-Ip set.

    octets --> head --> h11 --> request --> h11 --> octets         client to node
               extent   (read)  (rewritten) (written)
    octets <-------- h11 <-- response <-- h11 <-- octets           node to client

`head`, `extent`, `request`, `response` and `exchange` are octets and values; `server`
and `conversation` move the octets. Needs the extra `http`.
"""
