package plugin

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"time"

	"forcecred/protocol"
	"forcecred/protocol/plugin"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/emptypb"
)

// hostCommand makes this test binary a host program, for tests that kill one.
const hostCommand = "run-a-plugin-host"

// runHost starts the plugin at path and prints "ready" after the first answer. Then it
// requests a new token for each line on stdin. It ends with stdin.
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

// askerCommand makes this test binary a client of another user's plugin.
const askerCommand = "ask-a-plugin"

// runAsker calls the plugin at a socket, and prints the outcome.
func runAsker(path string) int {
	if err := askPlugin(context.Background(), path); err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println("it answers")
	return 0
}

// askPlugin lists the orgs of the plugin at a socket, without a certificate.
func askPlugin(ctx context.Context, path string) error {
	conn, err := grpc.NewClient("unix:"+path, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	return conn.Invoke(ctx, "/forcecred.v1.CredentialService/List", &emptypb.Empty{}, &emptypb.Empty{})
}
