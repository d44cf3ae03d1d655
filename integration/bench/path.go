package main

import (
	"context"
	"fmt"
	"os"
)

// path is a way through forcecred, which is timed beside programs that go a
// like way.
type path struct {
	title string

	// rounds is how often each contender runs, few how often in a short run.
	rounds, few int

	// prepare returns who runs: forcecred first, whose figures the others' are
	// compared with. What has to be ended afterwards it leaves to the ground.
	prepare func(ctx context.Context, g *ground) ([]*contender, error)
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

// time prepares the path, and has its contenders run.
func (p path) time(ctx context.Context, built binaries, short bool) (t Table, err error) {
	g, err := newGround(built, short)
	if err != nil {
		return Table{}, err
	}
	defer g.close()
	contenders, err := p.prepare(ctx, g)
	if err != nil {
		return Table{}, fmt.Errorf("prepare: %w", err)
	}
	if os.Getenv("FORCECRED_TEST_REQUIRE") == "all" {
		for _, c := range contenders {
			if c.absent != "" {
				return Table{}, fmt.Errorf("FORCECRED_TEST_REQUIRE=all, but %s is absent: %s", c.name, c.absent)
			}
		}
	}
	t = Table{Title: p.title, Rounds: p.rounds}
	if short {
		t.Rounds = p.few
	}
	t.Rows, err = race(ctx, contenders, t.Rounds)
	return t, err
}
