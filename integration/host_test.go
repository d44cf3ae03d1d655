package integration

import (
	"bufio"
	"context"
	"fmt"
	"os"

	"forcecred/protocol"
	"forcecred/protocol/plugin"
)

// hostCommand makes this test binary a host program, for tests that kill one.
const hostCommand = "run-a-plugin-host"

// runHost starts the plugin at path and says "ready" once it has answered. For
// each line on stdin it then asks for a new token, and it ends with stdin.
func runHost(path string) int {
	ctx := context.Background()
	client, err := plugin.Start(ctx, path, plugin.Options{})
	if err == nil {
		_, err = client.Get(ctx, protocol.GetRequest{Org: "prod"})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println("ready")
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		go func() { _, _ = client.Get(ctx, protocol.GetRequest{Org: "prod", Force: true}) }()
	}
	client.Close()
	return 0
}
