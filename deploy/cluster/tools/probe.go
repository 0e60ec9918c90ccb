package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

// Each step of a probe is over within this time.
const patience = 2 * time.Second

// probe is what pods of tests run:
//
//	serve ADDRESS         answers HTTP with the pod's name
//	dial HOST:PORT        opens a connection
//	get URL [COUNT]       prints the answers, one a line; each on a connection of its own
//	dns NAME              prints the addresses of a name
//	send ADDRESS          sends five datagrams
//	receive ADDRESS       prints how many datagrams come in while it has patience
//	eat MIB               takes memory and keeps it
//	sleep SECONDS
func probe(arguments []string) error {
	command := strings.Join(arguments[:min(1, len(arguments))], "")
	if len(arguments) < 2 {
		return fmt.Errorf("%q needs a word more", command)
	}
	word := arguments[1]
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	switch command {
	case "serve":
		return serve(word)
	case "dial":
		connection, err := (&net.Dialer{}).DialContext(ctx, "tcp", word)
		if err == nil {
			fmt.Println(connection.RemoteAddr())
			err = connection.Close()
		}
		return err
	case "get":
		return get(word, arguments[2:])
	case "dns":
		addresses, err := net.DefaultResolver.LookupHost(ctx, word)
		if err == nil {
			fmt.Println(strings.Join(addresses, " "))
		}
		return err
	case "send":
		return send(word)
	case "receive":
		return receive(word)
	case "eat":
		return eat(word)
	case "sleep":
		seconds, err := strconv.Atoi(word)
		time.Sleep(time.Duration(seconds) * time.Second)
		return err
	}
	return fmt.Errorf("no such command: %q", command)
}

func serve(address string) error {
	name, err := os.Hostname()
	if err != nil {
		return err
	}
	answer := func(writer http.ResponseWriter, _ *http.Request) { fmt.Fprintln(writer, name) }
	server := http.Server{Addr: address, Handler: http.HandlerFunc(answer), ReadTimeout: patience}
	return server.ListenAndServe()
}

func get(url string, more []string) error {
	count := 1
	if len(more) > 0 {
		var err error
		if count, err = strconv.Atoi(more[0]); err != nil {
			return err
		}
	}
	client := http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	for range count {
		answer, err := client.Get(url)
		if err != nil {
			return err
		}
		_, err = io.Copy(os.Stdout, answer.Body)
		answer.Body.Close()
		if err != nil {
			return err
		}
		if answer.StatusCode != http.StatusOK {
			return fmt.Errorf("%s: %s", url, answer.Status)
		}
	}
	return nil
}

func send(address string) error {
	to, err := net.ResolveUDPAddr("udp", address)
	if err != nil {
		return err
	}
	// Not bound to the other end: what that refuses is no error of this one.
	connection, err := net.ListenPacket("udp", ":0")
	if err != nil {
		return err
	}
	defer connection.Close()
	for range 5 {
		if _, err := connection.WriteTo([]byte("probe"), to); err != nil {
			return err
		}
	}
	return nil
}

func receive(address string) error {
	connection, err := net.ListenPacket("udp", address)
	if err != nil {
		return err
	}
	defer connection.Close()
	if err := connection.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	count := 0
	for {
		if _, _, err := connection.ReadFrom(make([]byte, 64)); err != nil {
			break
		}
		count++
	}
	fmt.Println(count)
	return nil
}

func eat(word string) error {
	size, err := strconv.Atoi(word)
	if err != nil {
		return err
	}
	var eaten [][]byte
	for range size {
		piece := make([]byte, 1<<20)
		for at := 0; at < len(piece); at += 4096 {
			piece[at] = 1
		}
		eaten = append(eaten, piece)
	}
	fmt.Printf("%d MiB\n", len(eaten))
	for {
		time.Sleep(time.Hour)
		eaten[0][0]++
	}
}
