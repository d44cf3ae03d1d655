package main

import (
	"context"
	"errors"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// fixed returns a candidate whose rounds take the given milliseconds in turn. Each round
// appends the candidate's name to turns.
func fixed(turns *[]string, name string, took ...time.Duration) *candidate {
	return &candidate{name: name, once: func(context.Context) (sample, error) {
		*turns = append(*turns, name)
		s := sample{took: took[0] * time.Millisecond}
		took = took[1:]
		return s, nil
	}}
}

func TestMeasure(t *testing.T) {
	t.Parallel()
	var turns []string
	ours, theirs := fixed(&turns, "ours", 4, 2, 90), fixed(&turns, "theirs", 8, 8, 8)
	ours.budget.PeakMB = 16
	ours.peak = func(context.Context) (float64, error) { return 9, nil }
	theirs.before = func() error { turns = append(turns, "before"); return nil }
	theirs.calls = 40
	rows, err := measure(t.Context(), []*candidate{ours, absent("missing", "it is not installed"), theirs}, 3)
	if err != nil {
		t.Fatal(err)
	}
	want := []Row{
		{Name: "ours", Figures: Figures{MedianMS: 4, P90MS: 90, PeakMB: 9, Ratio: 1}, Budget: &Figures{PeakMB: 16}},
		{Name: "missing", Absent: "it is not installed"},
		{Name: "theirs", Figures: Figures{MedianMS: 8, P90MS: 8, PerSecond: 5000, Ratio: 0.5}},
	}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Error(diff)
	}
	if want := slices.Repeat([]string{"ours", "before", "theirs"}, 3); !slices.Equal(turns, want) {
		t.Errorf("the turns were %v, want %v", turns, want)
	}
}

// TestMeasureByInstructions: if no times are measured, the ratio is of instructions.
func TestMeasureByInstructions(t *testing.T) {
	t.Parallel()
	counted := func(n int) *candidate {
		return &candidate{once: func(context.Context) (sample, error) { return sample{instructions: n}, nil }}
	}
	rows, err := measure(t.Context(), []*candidate{counted(300), counted(100)}, 1)
	if err != nil {
		t.Fatal(err)
	}
	if rows[0].MedianMS != 0 || rows[1].Ratio != 3 {
		t.Errorf("got %+v", rows)
	}
}

// TestMeasureOfNone: if the first row is absent, the others have no ratio.
func TestMeasureOfNone(t *testing.T) {
	t.Parallel()
	rows, err := measure(t.Context(), []*candidate{absent("ours", "there is no keyring"), fixed(new([]string), "theirs", 1)}, 1)
	if err != nil {
		t.Fatal(err)
	}
	if rows[1].Ratio != 0 {
		t.Errorf("the ratio is %v", rows[1].Ratio)
	}
}

// TestInterrupted: an interrupted path leaves nothing behind.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	ctx, interrupt := context.WithCancel(t.Context())
	var dir string
	var ended []string
	p := path{title: "a path", rounds: 1000, few: 1000, prepare: func(_ context.Context, fx *fixture) ([]*candidate, error) {
		dir = fx.dir
		fx.later(func() { ended = append(ended, "first") })
		fx.later(func() { ended = append(ended, "second") })
		return []*candidate{{name: "ours", once: func(context.Context) (sample, error) {
			interrupt()
			return sample{took: 1}, nil
		}}}, nil
	}}
	if _, err := p.time(ctx, binaries{}, true); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want it canceled", err)
	}
	if want := []string{"second", "first"}; !slices.Equal(ended, want) {
		t.Errorf("ended %v, want %v", ended, want)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder is still there: %v", err)
	}
}
