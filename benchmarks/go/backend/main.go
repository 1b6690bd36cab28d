// An HTTP server that takes any preamble in front of the first request, or none, and
// closes after one answer: for comparing formats that no other server reads.
//
// Usage: backend HOST
// Prints "ready HOST:PORT" on standard error.
package main

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"time"
)

var answer = []byte("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nseen\n")

func main() {
	listener, err := net.Listen("tcp", net.JoinHostPort(os.Args[1], "0"))
	if err != nil {
		panic(err)
	}
	fmt.Fprintln(os.Stderr, "ready", listener.Addr())
	for {
		connection, err := listener.Accept()
		if err != nil {
			continue
		}
		go serve(connection)
	}
}

func serve(connection net.Conn) {
	defer connection.Close()
	_ = connection.SetDeadline(time.Now().Add(10 * time.Second))
	buffer := make([]byte, 4096)
	have := 0
	for !whole(buffer[:have]) {
		read, err := connection.Read(buffer[have:])
		if err != nil {
			return
		}
		have += read
	}
	_, _ = connection.Write(answer)
}

// whole says whether a request ends here; PROXY v2's signature has two empty lines too.
func whole(octets []byte) bool {
	return bytes.HasSuffix(octets, []byte("\r\n\r\n")) && bytes.Contains(octets, []byte("GET "))
}
