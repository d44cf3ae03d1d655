package main

import (
	"context"
	"fmt"
	"os"
)

// path is one use of forcecred, which is compared with programs that do the same.
type path struct {
	title string

	// rounds is the number of runs of each candidate; few is that of a short run.
	rounds, few int

	// prepare returns the candidates. The first is forcecred; the others are compared
	// with it. The fixture's close ends what prepare starts.
	prepare func(ctx context.Context, fx *fixture) ([]*candidate, error)
}

var paths = []path{
	{"start", 500, 20, prepareStart},
	{"get, cached, age files", 500, 20, prepareAgeFiles},
	{"get, cached, gnome-keyring", 200, 10, prepareGNOMEKeyring},
	{"get, cached, pass", 50, 3, preparePass},
	{"get, cached, keyctl", 200, 10, prepareKeyCtl},
	{"get, cached, the Salesforce CLI's login", 10, 1, prepareSalesforceCLI},
	{"refresh, age files", 200, 5, prepareRefresh(false)},
	{"refresh, age files, rotating", 200, 5, prepareRefresh(true)},
	{"refresh, the Salesforce CLI's login", 10, 1, prepareSalesforceCLIRefresh},
	{"100 processes at once", 20, 1, prepareCrowd},
	{"many orgs", 500, 10, prepareOrgs},
	{"plugin, one caller", 10_000, 200, preparePlugin},
	{"plugin, 64 callers at once", 20, 2, preparePluginCrowd},
	{"plugin, start", 50, 3, preparePluginStart},
	{"instructions", 9, 1, prepareInstructions},
}

// time prepares the path and measures its candidates.
func (p path) time(ctx context.Context, built binaries, short bool) (t Table, err error) {
	fx, err := newFixture(built, short)
	if err != nil {
		return Table{}, err
	}
	defer fx.close()
	candidates, err := p.prepare(ctx, fx)
	if err != nil {
		return Table{}, fmt.Errorf("prepare: %w", err)
	}
	if os.Getenv("FORCECRED_TEST_REQUIRE") == "all" {
		for _, c := range candidates {
			if c.absent != "" {
				return Table{}, fmt.Errorf("FORCECRED_TEST_REQUIRE=all, but %s is absent: %s", c.name, c.absent)
			}
		}
	}
	t = Table{Title: p.title, Rounds: p.rounds}
	if short {
		t.Rounds = p.few
	}
	t.Rows, err = measure(ctx, candidates, t.Rounds)
	return t, err
}
