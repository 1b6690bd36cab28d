// A TLS server behind go-proxyproto, as its README shows one, that answers every
// request with the client's address.
package main

import (
	"crypto/tls"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"

	proxyproto "github.com/pires/go-proxyproto"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "where to listen")
	certificate := flag.String("certificate", "", "PEM file of the chain")
	key := flag.String("key", "", "PEM file of the key")
	policy := flag.String("policy", "require", "what a connection without a header is: require, use")
	deadline := flag.Duration("deadline", 5*time.Second, "how long a header may take")
	flag.Parse()
	policies := map[string]proxyproto.Policy{"require": proxyproto.REQUIRE, "use": proxyproto.USE}
	chosen, known := policies[*policy]
	if !known {
		log.Fatalf("no such policy: %q", *policy)
	}

	pair, err := tls.LoadX509KeyPair(*certificate, *key)
	if err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		log.Fatal(err)
	}
	named := &proxyproto.Listener{
		Listener:          listener,
		ReadHeaderTimeout: *deadline,
		Policy: func(net.Addr) (proxyproto.Policy, error) {
			return chosen, nil
		},
	}
	secured := tls.NewListener(guarded{named}, &tls.Config{Certificates: []tls.Certificate{pair}})
	fmt.Fprintln(os.Stderr, "ready", listener.Addr())
	log.Fatal(http.Serve(secured, http.HandlerFunc(answer)))
}

// guarded keeps the process alive where go-proxyproto 0.4.2 has no address to give:
// for a PROXY header of family UNSPEC RemoteAddr is nil, and net/http panics on that.
type guarded struct{ net.Listener }

func (listener guarded) Accept() (net.Conn, error) {
	connection, err := listener.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return named{connection}, nil
}

type named struct{ net.Conn }

func (connection named) RemoteAddr() net.Addr {
	if address := connection.Conn.RemoteAddr(); address != nil {
		return address
	}
	return nobody{}
}

type nobody struct{}

func (nobody) Network() string { return "tcp" }
func (nobody) String() string  { return "" }

func answer(writer http.ResponseWriter, request *http.Request) {
	writer.Header().Set("Connection", "close")
	if request.RemoteAddr == "" {
		fault := "RemoteAddr is nil, net/http panics"
		json.NewEncoder(writer).Encode(map[string]any{"client": nil, "fault": fault})
		return
	}
	host, text, err := net.SplitHostPort(request.RemoteAddr)
	if err != nil {
		http.Error(writer, err.Error(), http.StatusInternalServerError)
		return
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		http.Error(writer, err.Error(), http.StatusInternalServerError)
		return
	}
	json.NewEncoder(writer).Encode(map[string]any{"client": []any{host, port}})
}
