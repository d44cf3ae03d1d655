// Command kubernetes calls an API server through client-go, with the credential plugin that a kubeconfig names.
//
// Its arguments are the paths of a kubeconfig and, to restrict the plugins, of a kuberc.
// Each line of its stdin is the path of a URL. It sends a request for each, and prints the
// answer's status or the error.
package main

import (
	"bufio"
	"fmt"
	"net/http"
	"os"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/kubectl/pkg/config"
	"k8s.io/kubectl/pkg/config/scheme"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) < 1 || len(args) > 2 {
		return fmt.Errorf("usage: kubernetes KUBECONFIG [KUBERC]")
	}
	server, err := clientcmd.BuildConfigFromFlags("", args[0])
	if err != nil {
		return err
	}
	if len(args) == 2 {
		if server.ExecProvider.PluginPolicy, err = policy(args[1]); err != nil {
			return err
		}
	}
	client, err := rest.HTTPClientFor(server)
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		fmt.Println(get(client, server.Host+lines.Text()))
	}
	return lines.Err()
}

func get(client *http.Client, url string) string {
	resp, err := client.Get(url)
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	return resp.Status
}

// policy reads a kuberc as kubectl does. Unlike kubectl, it fails if a field is not in the
// schema.
func policy(kuberc string) (api.PluginPolicy, error) {
	data, err := os.ReadFile(kuberc)
	if err != nil {
		return api.PluginPolicy{}, err
	}
	var preference config.Preference
	if _, _, err := scheme.StrictCodecs.UniversalDecoder().Decode(data, nil, &preference); err != nil {
		return api.PluginPolicy{}, err
	}
	p := api.PluginPolicy{PolicyType: api.PolicyType(preference.CredentialPluginPolicy)}
	for _, entry := range preference.CredentialPluginAllowlist {
		p.Allowlist = append(p.Allowlist, api.AllowlistEntry(entry))
	}
	return p, nil
}
