package cli

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// flagError replaces the errors of pflag, which quote the flag or its value. Either may be
// a secret.
func flagError(cmd *cobra.Command, err error) error {
	var (
		value    *pflag.InvalidValueError
		required *pflag.ValueRequiredError
	)
	own, isOwn := errors.AsType[valueError](err)
	switch {
	case errors.Is(err, pflag.ErrHelp):
		return err
	case errors.As(err, &value) && isOwn:
		return usage("--%s %v", value.GetFlag().Name, own)
	case errors.As(err, &value):
		return usage("invalid value for --%s", value.GetFlag().Name)
	case errors.As(err, &required):
		return usage("--%s needs a value", required.GetFlag().Name)
	}
	return usage("unknown flag; the flags are: %s", strings.Join(flagNames(cmd), ", "))
}

// flagNames returns the flags of a command, sorted.
func flagNames(cmd *cobra.Command) []string {
	var names []string
	add := func(f *pflag.Flag) {
		if !f.Hidden {
			names = append(names, "--"+f.Name)
		}
	}
	cmd.LocalFlags().VisitAll(add)
	cmd.InheritedFlags().VisitAll(add)
	slices.Sort(names)
	return slices.Compact(names)
}

// valueError says what is wrong with the value of a flag, and does not quote it. It
// continues a sentence that begins with the flag.
type valueError string

func (e valueError) Error() string { return string(e) }

// requireValues refuses flags with an empty value. If a script's variable is unset, the
// flag must not count as left out.
func requireValues(flags *pflag.FlagSet, names ...string) error {
	for _, name := range names {
		if f := flags.Lookup(name); f.Changed && f.Value.String() == "" {
			return usage("--%s has an empty value", name)
		}
	}
	return nil
}

// choice is a flag with one of a few values; the first is the default.
type choice struct {
	value   string
	allowed []string
}

func newChoice(allowed ...string) *choice { return &choice{allowed[0], allowed} }

func (c *choice) String() string { return c.value }
func (c *choice) Type() string   { return "string" }

func (c *choice) Set(value string) error {
	if !slices.Contains(c.allowed, value) {
		return valueError("is not one of " + strings.Join(c.allowed, ", "))
	}
	c.value = value
	return nil
}

// seconds is a flag with a duration in whole seconds.
type seconds struct{ time.Duration }

func (s *seconds) String() string { return strconv.FormatInt(int64(s.Duration/time.Second), 10) }
func (s *seconds) Type() string   { return "seconds" }

func (s *seconds) Set(value string) error {
	n, err := strconv.ParseUint(value, 10, 31)
	if err != nil {
		return valueError("is not a whole number of seconds")
	}
	s.Duration = time.Duration(n) * time.Second
	return nil
}
