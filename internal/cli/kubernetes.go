package cli

import (
	"io"
	"time"

	"forcecred/protocol"
	"forcecred/protocol/kubernetes"

	"github.com/spf13/cobra"
)

func kubernetesCommand(p Process) *cobra.Command {
	return &cobra.Command{
		Use:     "kubernetes [ORG]",
		Short:   "Act as a credential plugin for kubectl",
		GroupID: callerCommands,
		Long: `Act as an exec credential plugin for kubectl and other programs on client-go, by
client.authentication.k8s.io/v1 or v1beta1.

Name the org as an argument, or in the cluster's extension
client.authentication.k8s.io/exec in the kubeconfig. kubectl passes the
extension on if the user's exec has provideClusterInfo: true:

  extension:
    org: prod

Without KUBERNETES_EXEC_INFO, forcecred prints the credential of v1.`,
		Example: `  $ forcecred kubernetes prod`,
		Args:    acceptOptionalOrg,
		RunE: func(cmd *cobra.Command, args []string) error {
			req, err := kubernetesRequest(p, args)
			if err != nil {
				return err
			}
			if !req.Interactive {
				p = p.withoutPrompts()
			}
			h, err := p.helperFor(cmd.Context(), args)
			if err != nil {
				return err
			}
			if req.Org, err = chooseOrg(req.Org, args); err != nil {
				return err
			}
			credential, err := h.Get(cmd.Context(), protocol.GetRequest{Org: req.Org, MinTTL: protocol.CacheMinTTL})
			if err != nil {
				return err
			}
			return p.answerToken(func(w io.Writer) error { return req.Encode(w, p.shortenOnTerminal(credential), time.Now()) })
		},
	}
}

// kubernetesRequest reads kubectl's request. It fails if neither an argument nor the
// request names an org.
func kubernetesRequest(p Process, args []string) (kubernetes.Request, error) {
	req, err := kubernetes.Decode(p.Getenv(kubernetes.Variable))
	if err != nil {
		return kubernetes.Request{}, err
	}
	if len(args) == 0 && req.Org == "" {
		e := usage("neither an argument nor the cluster's configuration names an org")
		e.Hint = "in the kubeconfig, let the user's exec have args: [kubernetes, ORG]; or provideClusterInfo: true, and the cluster an extension client.authentication.k8s.io/exec with org: ORG"
		return kubernetes.Request{}, e
	}
	return req, nil
}

// chooseOrg returns the org that the argument or the cluster's configuration names.
func chooseOrg(configured string, args []string) (string, error) {
	switch {
	case len(args) == 0:
		return configured, nil
	case configured != "" && configured != args[0]:
		return "", usage("the argument and the cluster's configuration name different orgs")
	}
	return args[0], nil
}
