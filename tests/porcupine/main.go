// Judges histories of a book with Porcupine, a linearizability checker of others, and a book that is written here anew.
//
//	go run . FILE    prints: histories explained unexplained open disagreeing
//
// FILE is what reports/history/tests/checkers/others.rs writes: for each history what was said of it, its requests, and
// what was read in the end. That reading is one more request, which comes after all that were answered.
package main

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"
)

// patience is how long one history may take.
const patience = 5 * time.Second

type request struct {
	kind          string // new, cancel, replace, read
	number, order int64
	isBuy         bool
	price, lots   int64
	after         map[int64]int64
	filled        map[int64]int64
	taken         map[[2]int64]int64
	isFilled      bool
	isTaken       bool
}

type answer struct {
	learned string // done, refused, nothing
	filled  int64  // -1: not said
}

type row struct {
	number, price, left, filled int64
	isBuy                       bool
}

// book is never changed: every step makes a new one.
type book struct {
	rows  []row // the earliest first
	known map[int64]int64
	taken map[[2]int64]int64
}

func (b book) copied() book {
	c := book{append([]row(nil), b.rows...), map[int64]int64{}, map[[2]int64]int64{}}
	for k, v := range b.known {
		c.known[k] = v
	}
	for k, v := range b.taken {
		c.taken[k] = v
	}
	return c
}

// enter matches an order against the other side, best price first, then earliest, and lets the rest of it stand.
func (b *book) enter(in row) int64 {
	before := in.left
	for in.left > 0 {
		best := -1
		for i, r := range b.rows {
			if r.isBuy == in.isBuy || (in.isBuy && r.price > in.price) || (!in.isBuy && r.price < in.price) {
				continue
			}
			if best < 0 || (in.isBuy && r.price < b.rows[best].price) || (!in.isBuy && r.price > b.rows[best].price) {
				best = i
			}
		}
		if best < 0 {
			break
		}
		maker := &b.rows[best]
		lots := min(in.left, maker.left)
		in.left, in.filled = in.left-lots, in.filled+lots
		maker.left, maker.filled = maker.left-lots, maker.filled+lots
		b.known[in.number] += lots
		b.known[maker.number] += lots
		b.taken[[2]int64{in.number, maker.number}] += lots
		if maker.left == 0 {
			b.rows = append(b.rows[:best], b.rows[best+1:]...)
		}
	}
	if in.left > 0 {
		b.rows = append(b.rows, in)
	}
	return before - in.left
}

func (b *book) find(order int64) int {
	for i, r := range b.rows {
		if r.number == order {
			return i
		}
	}
	return -1
}

// do changes the book as a request asks; false: the book refuses it.
func (b *book) do(r request) (int64, bool) {
	switch r.kind {
	case "new":
		if _, is := b.known[r.number]; is || r.lots == 0 {
			return 0, false
		}
		b.known[r.number] = 0
		return b.enter(row{r.number, r.price, r.lots, 0, r.isBuy}), true
	case "cancel":
		at := b.find(r.order)
		if at < 0 {
			return 0, false
		}
		b.rows = append(b.rows[:at], b.rows[at+1:]...)
		return 0, true
	default:
		at := b.find(r.order)
		if at < 0 || r.lots <= b.rows[at].filled {
			return 0, false
		}
		was := b.rows[at]
		left := r.lots - was.filled
		if r.price == was.price && left <= was.left {
			b.rows[at].left = left
			return 0, true
		}
		b.rows = append(b.rows[:at], b.rows[at+1:]...)
		was.price, was.left = r.price, left
		return b.enter(was), true
	}
}

func isAsRead(b book, r request) bool {
	if len(b.rows) != len(r.after) {
		return false
	}
	for _, row := range b.rows {
		if left, is := r.after[row.number]; !is || left != row.left {
			return false
		}
	}
	for order, lots := range b.known {
		if read, is := r.filled[order]; r.isFilled && is && read != lots {
			return false
		}
	}
	if !r.isTaken {
		return true
	}
	for pair, lots := range b.taken {
		if r.taken[pair] != lots {
			return false
		}
	}
	for pair, lots := range r.taken {
		if _, is := b.known[pair[0]]; is && b.taken[pair] != lots {
			return false
		}
	}
	return true
}

func step(state, input, output any) (bool, any) {
	before, r, a := state.(book), input.(request), output.(answer)
	if r.kind == "read" {
		return isAsRead(before, r), before
	}
	after := before.copied()
	filled, isDone := after.do(r)
	switch a.learned {
	case "nothing":
		return true, after
	case "refused":
		return !isDone, after
	default:
		return isDone && (a.filled < 0 || a.filled == filled), after
	}
}

func equal(one, other any) bool {
	a, b := one.(book), other.(book)
	if len(a.rows) != len(b.rows) || len(a.known) != len(b.known) || len(a.taken) != len(b.taken) {
		return false
	}
	for i := range a.rows {
		if a.rows[i] != b.rows[i] {
			return false
		}
	}
	for k, v := range a.known {
		if w, is := b.known[k]; !is || v != w {
			return false
		}
	}
	for k, v := range a.taken {
		if b.taken[k] != v {
			return false
		}
	}
	return true
}

var model = porcupine.Model{
	Init:  func() any { return book{nil, map[int64]int64{}, map[[2]int64]int64{}} },
	Step:  step,
	Equal: equal,
}

const (
	readAt = int64(1) << 40
	never  = int64(1) << 41
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: porcupine FILE")
		os.Exit(64)
	}
	file, err := os.Open(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(66)
	}
	var (
		name, said                                string
		operations                                []porcupine.Operation
		read                                      request
		all, explained, unexplained, open, differ int
	)
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		n := func(at int) int64 {
			if words[at] == "-" {
				return -1
			}
			value, err := strconv.ParseInt(words[at], 10, 64)
			if err != nil {
				panic(lines.Text())
			}
			return value
		}
		add := func(r request, times int) {
			call, back := 2*n(times), 2*n(times+1)+1
			if words[times+1] == "-" {
				back = never + int64(len(operations))
			}
			operations = append(operations, porcupine.Operation{
				ClientId: len(operations), Input: r, Call: call, Output: answer{words[times+2], n(times + 3)}, Return: back,
			})
		}
		switch words[0] {
		case "history":
			name, said, operations = words[1], words[2], nil
			read = request0()
		case "new":
			add(requestOf("new", n(1), 0, words[2] == "buy", n(3), n(4)), 5)
		case "cancel":
			add(requestOf("cancel", n(1), n(2), false, 0, 0), 3)
		case "replace":
			add(requestOf("replace", n(1), n(2), false, n(3), n(4)), 5)
		case "open":
			read.after[n(1)] = n(2)
		case "filled":
			read.filled[n(1)], read.isFilled = n(2), true
		case "trades":
			read.isTaken = true
		case "took":
			read.taken[[2]int64{n(1), n(2)}] = n(3)
		case "end":
			operations = append(operations, porcupine.Operation{
				ClientId: len(operations), Input: read, Call: readAt, Output: answer{}, Return: readAt + 1,
			})
			all++
			found := porcupine.CheckOperationsTimeout(model, operations, patience)
			switch {
			case found == porcupine.Unknown || said == "undecided":
				open++
			case (found == porcupine.Ok) != (said == "explained"):
				differ++
				fmt.Fprintf(os.Stderr, "history %s: %s here, %s there\n", name, found, said)
			case found == porcupine.Ok:
				explained++
			default:
				unexplained++
			}
		default:
			panic(lines.Text())
		}
	}
	if err := lines.Err(); err != nil {
		panic(err)
	}
	fmt.Println(all, explained, unexplained, open, differ)
	if differ > 0 || all == 0 {
		os.Exit(1)
	}
}

func request0() request {
	return request{kind: "read", after: map[int64]int64{}, filled: map[int64]int64{}, taken: map[[2]int64]int64{}}
}

func requestOf(kind string, number, order int64, isBuy bool, price, lots int64) request {
	return request{kind: kind, number: number, order: order, isBuy: isBuy, price: price, lots: lots}
}
