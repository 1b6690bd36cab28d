// Opens connections at a steady rate, one HTTP request each, and says how long they
// took from connect to the end of the answer.
//
// The rate is kept whatever the answers do (an open loop), so that a slow answer is
// counted as slow and does not thin out the load.
//
// Usage: pace ADDRESS RATE SECONDS
// Prints: COUNT FAILURES P50 P99, the last two in microseconds.
package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"sort"
	"strconv"
	"sync"
	"syscall"
	"time"
)

var request = []byte("GET / HTTP/1.1\r\nHost: benchmark\r\nConnection: close\r\n\r\n")

func main() {
	address := os.Args[1]
	rate, err := strconv.ParseFloat(os.Args[2], 64)
	if err != nil {
		panic(err)
	}
	seconds, err := strconv.ParseFloat(os.Args[3], 64)
	if err != nil {
		panic(err)
	}
	count := int(rate * seconds)
	took := make([]time.Duration, count)
	var waiting sync.WaitGroup
	waiting.Add(count)

	// The runtime's timers are coarse; a sleep in the kernel on a thread of its own
	// keeps a rate of thousands a second.
	runtime.LockOSThread()
	// A thread that sleeps in the kernel must not keep the others from running.
	runtime.GOMAXPROCS(4)
	start := time.Now()
	for i := 0; i < count; i++ {
		due := time.Duration(float64(i) / rate * float64(time.Second))
		if early := due - time.Since(start); early > 0 {
			pause := syscall.NsecToTimespec(early.Nanoseconds())
			_ = syscall.Nanosleep(&pause, nil)
		}
		go func(i int) {
			defer waiting.Done()
			took[i] = exchange(address)
		}(i)
	}
	waiting.Wait()

	answered := took[:0]
	for _, each := range took {
		if each > 0 {
			answered = append(answered, each)
		}
	}
	sort.Slice(answered, func(a, b int) bool { return answered[a] < answered[b] })
	if len(answered) == 0 {
		fmt.Println(0, count, 0, 0)
		return
	}
	fmt.Println(len(answered), count-len(answered),
		answered[len(answered)/2].Microseconds(),
		answered[len(answered)*99/100].Microseconds())
}

// exchange returns how long one connection took, 0 if it failed.
func exchange(address string) time.Duration {
	start := time.Now()
	connection, err := net.DialTimeout("tcp", address, 10*time.Second)
	if err != nil {
		return 0
	}
	defer connection.Close()
	if err := connection.SetDeadline(start.Add(10 * time.Second)); err != nil {
		return 0
	}
	if _, err := connection.Write(request); err != nil {
		return 0
	}
	if read, err := io.Copy(io.Discard, connection); err != nil || read == 0 {
		return 0
	}
	return time.Since(start)
}
