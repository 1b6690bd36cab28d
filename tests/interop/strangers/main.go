// A TLS server on Go's net/http: main ADDRESS:PORT CERTIFICATE KEY
package main

import (
	"log"
	"net/http"
	"os"
)

func main() {
	log.Fatal(http.ListenAndServeTLS(os.Args[1], os.Args[2], os.Args[3], nil))
}
