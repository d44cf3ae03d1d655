package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"
)

// measure runs the candidates in turn, and returns a row for each.
func measure(ctx context.Context, candidates []*candidate, rounds int) ([]Row, error) {
	samples := make([][]sample, len(candidates))
	for range rounds {
		for i, c := range candidates {
			if c.absent != "" {
				continue
			}
			s, err := c.round(ctx)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", c.name, err)
			}
			samples[i] = append(samples[i], s)
		}
	}
	rows := make([]Row, len(candidates))
	for i, c := range candidates {
		rows[i] = Row{Name: c.name, Absent: c.absent}
		if c.absent != "" {
			continue
		}
		rows[i].Figures = figures(samples[i], c.calls)
		if c.budget != (Figures{}) {
			rows[i].Budget = &c.budget
		}
		var err error
		if rows[i].PeakMB, err = c.highest(ctx, min(rounds, peakRounds)); err != nil {
			return nil, fmt.Errorf("%s: its memory: %w", c.name, err)
		}
	}
	compare(rows)
	return rows, nil
}

func (c *candidate) round(ctx context.Context) (sample, error) {
	if c.before != nil {
		if err := c.before(); err != nil {
			return sample{}, err
		}
	}
	if err := ctx.Err(); err != nil {
		return sample{}, err
	}
	return c.once(ctx)
}

// peakRounds is the most rounds that measure memory, which hardly varies.
const peakRounds = 3

// highest returns the candidate's highest peak memory in more rounds.
func (c *candidate) highest(ctx context.Context, rounds int) (float64, error) {
	if c.peak == nil {
		return 0, nil
	}
	var highest float64
	for range rounds {
		if c.before != nil {
			if err := c.before(); err != nil {
				return 0, err
			}
		}
		peak, err := c.peak(ctx)
		if err != nil {
			return 0, err
		}
		highest = max(highest, peak)
	}
	return highest, nil
}

// figures summarizes the samples of rounds, each of that many calls.
func figures(samples []sample, calls int) Figures {
	took := quantiles(samples, func(s sample) time.Duration { return s.took })
	f := Figures{
		MedianMS:     ms(took(0.5)),
		P90MS:        ms(took(0.9)),
		Instructions: quantiles(samples, func(s sample) int { return s.instructions })(0.5),
		Requests:     quantiles(samples, func(s sample) int { return s.requests })(1),
	}
	if calls > 0 {
		f.PerSecond = float64(calls) / took(0.5).Seconds()
	}
	return f
}

// quantiles returns a function that returns the quantiles of a figure.
func quantiles[T cmp.Ordered](samples []sample, of func(sample) T) func(q float64) T {
	all := make([]T, len(samples))
	for i, s := range samples {
		all[i] = of(s)
	}
	slices.Sort(all)
	return func(q float64) T { return all[min(int(q*float64(len(all))), len(all)-1)] }
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// compare sets the ratio of the first row to each row.
func compare(rows []Row) {
	first := rows[0].Figures
	for i := range rows {
		switch f := &rows[i].Figures; {
		case rows[i].Absent != "" || rows[0].Absent != "":
		case f.MedianMS != 0:
			f.Ratio = first.MedianMS / f.MedianMS
		case f.Instructions != 0:
			f.Ratio = float64(first.Instructions) / float64(f.Instructions)
		}
	}
}
