package cli

import (
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"forcecred/protocol"

	"github.com/spf13/cobra"
)

func installLinksCommand(p Process) *cobra.Command {
	return &cobra.Command{
		Use:     "install-links DIR",
		Short:   "Create the names that callers look for",
		GroupID: callerCommands,
		Long: `Create the names that callers look for on PATH, such as
git-credential-forcecred. They are links to this program, or copies of it if the
system has no links.

If a file of another program has one of these names, forcecred creates none.`,
		Example: `  $ forcecred install-links ~/.local/bin`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage("name one folder for the links: forcecred install-links DIR")
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			exe, err := p.Executable()
			if err != nil {
				return protocol.Errorf(protocol.Internal, "find this program's own file: %v", err)
			}
			return p.installLinks(exe, args[0])
		},
	}
}

// installLinks checks all names before it creates any.
func (p Process) installLinks(exe, dir string) error {
	folder, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return usageHint("make the folder, or name another one", "the folder for the links does not exist")
	case err != nil:
		return linkError("inspect the folder for the links", err)
	case !folder.IsDir():
		return usageHint("name a folder", "the place for the links is not a folder")
	}
	links := make([]link, 0, len(names))
	for _, name := range slices.Sorted(maps.Keys(names)) {
		l, err := inspect(exe, dir, name)
		if err != nil {
			return err
		}
		links = append(links, l)
	}
	for _, l := range links {
		if err := l.install(exe); err != nil {
			return linkError("make "+l.name, err)
		}
	}
	if !p.onPath(folder) {
		p.notice("warning: the folder of the links is not on PATH, where callers look for them")
	}
	return p.answer(func(w io.Writer) error {
		for _, l := range links {
			if _, err := io.WriteString(w, l.state+" "+l.name+"\n"); err != nil {
				return err
			}
		}
		return nil
	})
}

// link is a name of this program in a folder.
type link struct{ dir, name, state string }

// The states of a link, as they are printed.
const (
	made      = "made"
	replaced  = "replaced" // one to another forcecred
	unchanged = "unchanged"
)

// inspect returns the state that a name will have. A file of another program is an
// error.
func inspect(exe, dir, name string) (link, error) {
	l := link{dir, name + exeSuffix, made}
	_, err := os.Lstat(l.path())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return l, nil
	case err != nil:
		return l, linkError("inspect "+l.name, err)
	case isSameFile(l.path(), exe):
		l.state = unchanged
		return l, nil
	case isForcecred(l.path(), exe):
		l.state = replaced
		return l, nil
	}
	return l, usageHint("name another folder, or move it away", "the folder already has a file %s of another program", l.name)
}

func (l link) path() string { return filepath.Join(l.dir, l.name) }

func (l link) install(exe string) error {
	target := linkTarget(exe, l.dir)
	switch l.state {
	case made:
		return makeLink(target, l.path())
	case replaced:
		temp, err := os.MkdirTemp(l.dir, ".forcecred-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(temp)
		if err := makeLink(target, filepath.Join(temp, l.name)); err != nil {
			return err
		}
		return os.Rename(filepath.Join(temp, l.name), l.path())
	}
	return nil
}

// onPath reports whether PATH has the folder.
func (p Process) onPath(folder fs.FileInfo) bool {
	return slices.ContainsFunc(filepath.SplitList(p.Config.Commands.Value), func(dir string) bool {
		info, err := os.Stat(dir)
		return err == nil && os.SameFile(info, folder)
	})
}

func isSameFile(a, b string) bool {
	first, err := os.Stat(a)
	if err != nil {
		return false
	}
	second, err := os.Stat(b)
	return err == nil && os.SameFile(first, second)
}

func linkError(doing string, err error) error {
	if reason, ok := errors.AsType[syscall.Errno](err); ok {
		err = reason // without the paths, one of which is an argument
	}
	return usageHint("name a folder that you can write to", "%s: %v", doing, err)
}
