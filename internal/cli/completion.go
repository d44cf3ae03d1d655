package cli

import (
	"context"
	"io"
	"slices"
	"strings"
	"time"

	"forcecred/keystore"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// shells are the supported shells, with cobra's generator of each.
var shells = map[string]func(root *cobra.Command, w io.Writer) error{
	"bash":       func(root *cobra.Command, w io.Writer) error { return root.GenBashCompletionV2(w, true) },
	"zsh":        (*cobra.Command).GenZshCompletion,
	"fish":       func(root *cobra.Command, w io.Writer) error { return root.GenFishCompletion(w, true) },
	"powershell": (*cobra.Command).GenPowerShellCompletionWithDesc,
}

func completionCommand(p Process) *cobra.Command {
	return &cobra.Command{
		Use:   "completion SHELL",
		Short: "Generate shell completion scripts",
		Long: `Generate shell completion scripts for bash (with the package bash-completion),
zsh, fish or powershell. They complete commands, flags and the names of orgs.

The script reads the names from the keystore at each completion. It reads no
secret. If a keyring is locked or slow, it completes no name.`,
		Example: `  $ forcecred completion bash >> ~/.bash_completion

  # In a folder of fpath, before compinit
  $ forcecred completion zsh > ~/.zfunc/_forcecred

  $ forcecred completion fish > ~/.config/fish/completions/forcecred.fish

  $ forcecred completion powershell >> $PROFILE`,
		ValidArgs: []string{"bash", "zsh", "fish", "powershell"},
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 || shells[args[0]] == nil {
				return usage("name one shell: bash, zsh, fish or powershell")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.answer(func(w io.Writer) error { return shells[args[0]](cmd.Root(), w) })
		},
	}
}

// completionTimeout bounds a person's wait for the names after a key.
const completionTimeout = time.Second

// completeOrg completes a command's first argument with the names of the orgs.
func (p Process) completeOrg(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
	switch {
	case len(args) == 0:
		return p.orgNames(cmd.Context(), begun), cobra.ShellCompDirectiveNoFileComp
	case strings.Contains(cmd.Use, " -- "):
		return nil, cobra.ShellCompDirectiveDefault // a command, with files as arguments
	}
	return nil, cobra.ShellCompDirectiveNoFileComp
}

// orgNames returns the names with that beginning, or none if the keystore does not
// answer at once. It prompts nobody and prints nothing.
func (p Process) orgNames(ctx context.Context, begun string) []string {
	ctx, cancel := context.WithTimeout(ctx, completionTimeout)
	defer cancel()
	p = p.withoutPrompts()
	p.notices = &[]string{} // which nobody prints
	h, err := p.helper(ctx)
	if err != nil {
		return nil
	}
	keys, err := h.Keystore.List(ctx, keystore.KindGrant)
	if err != nil {
		return nil
	}
	var names []string
	for _, key := range keys {
		// A person quotes what is more than one word to a shell.
		if _, err := keystore.ParseOrg(string(key.Org)); err == nil && strings.HasPrefix(string(key.Org), begun) {
			names = append(names, string(key.Org))
		}
	}
	slices.Sort(names)
	return names
}

// complete sets the completions of a command's first argument, of its flags with a few
// values, and of its subcommands.
func (p Process) complete(cmd *cobra.Command) {
	if takesOrg(cmd) {
		cmd.ValidArgsFunction = p.completeOrg
	}
	for _, flags := range []*pflag.FlagSet{cmd.Flags(), cmd.PersistentFlags()} {
		flags.VisitAll(func(f *pflag.Flag) {
			if c, ok := f.Value.(*choice); ok {
				// It fails only if the flag has completions already.
				_ = cmd.RegisterFlagCompletionFunc(f.Name, cobra.FixedCompletions(c.allowed, cobra.ShellCompDirectiveNoFileComp))
			}
		})
	}
	for _, sub := range cmd.Commands() {
		p.complete(sub)
	}
}

// takesOrg reports whether a command's usage line begins its arguments with an org.
func takesOrg(cmd *cobra.Command) bool {
	words := strings.Fields(cmd.Use)
	return len(words) > 1 && strings.Trim(words[1], "[]") == "ORG"
}
