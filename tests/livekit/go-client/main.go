// SPDX-License-Identifier: LGPL-2.1-or-later

// Command go-client is LiveKit's Go SDK behind the protocol of driver/clients.mjs. It takes the
// folder where it writes what it decrypted.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
)

// request holds the fields of all operations.
type request struct {
	ID    int        `json:"id"`
	Op    string     `json:"op"`
	URL   string     `json:"url"`
	Token string     `json:"token"`
	Given []givenKey `json:"given"`
	Codec string     `json:"codec"`
	Clip  string     `json:"clip"`
	Key   key        `json:"key"`
	Text  string     `json:"text"`
}

type givenKey struct {
	Key key `json:"key"`
}

type response struct {
	ID     int    `json:"id"`
	Result any    `json:"result"`
	Error  string `json:"error,omitempty"`
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "go-client FOLDER")
		os.Exit(2)
	}
	client := newClient(os.Args[1])
	defer client.leave()
	answers := json.NewEncoder(os.Stdout)
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var asked request
		if err := json.Unmarshal(lines.Bytes(), &asked); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		answer := response{ID: asked.ID}
		result, err := client.do(asked)
		if err != nil {
			answer.Error = err.Error()
		}
		answer.Result = result
		if err := answers.Encode(answer); err != nil {
			return // nobody listens
		}
	}
}
