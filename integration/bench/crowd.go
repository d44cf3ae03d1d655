package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"forcecred/internal/orgtest"
)

const crowdSize = 100

// prepareCrowd: a hundred processes at once that find their token expired, of
// which one has to refresh, beside as many that find it good.
func prepareCrowd(ctx context.Context, g *ground) ([]*contender, error) {
	o, home, err := g.startFileOrg(ctx, orgtest.Config{Rotate: true})
	if err != nil {
		return nil, err
	}
	expired := o.crowd("forcecred get prod, expired", o.get("", o.AccessToken))
	expired.before = func() error { return expire(ctx, home, o.name) }
	expired.budget.Requests = 1
	cached := o.crowd("forcecred get prod, cached", o.get("", o.AccessToken))
	cached.budget.Ratio = 3
	return []*contender{expired, cached, o.crowd("a Go program that prints hello", g.helloProcess())}, nil
}

// crowd returns a contender that is a hundred of one.
func (o *org) crowd(name string, one *contender) *contender {
	return &contender{name: fmt.Sprintf("%d × %s", crowdSize, name), once: func(ctx context.Context) (sample, error) {
		errs := make(chan error, crowdSize)
		var all sync.WaitGroup
		requests := o.Count(orgtest.Token)
		begin := time.Now()
		for range crowdSize {
			all.Go(func() {
				_, err := one.once(ctx)
				errs <- err
			})
		}
		all.Wait()
		s := sample{took: time.Since(begin), requests: o.Count(orgtest.Token) - requests}
		for range crowdSize {
			if err := <-errs; err != nil {
				return sample{}, err
			}
		}
		return s, nil
	}}
}
