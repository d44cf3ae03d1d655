package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"forcecred/internal/orgtest"
)

const crowdSize = 100

// prepareCrowd measures a hundred processes at once that find their token expired, of
// which one refreshes, and a hundred that find it valid.
func prepareCrowd(ctx context.Context, fx *fixture) ([]*candidate, error) {
	o, home, err := fx.startFileOrg(ctx, orgtest.Config{Rotate: true})
	if err != nil {
		return nil, err
	}
	expired := o.crowd("forcecred get prod, expired", o.get("", o.AccessToken))
	expired.before = func() error { return expire(ctx, home, o.name) }
	expired.budget.Requests = 1
	cached := o.crowd("forcecred get prod, cached", o.get("", o.AccessToken))
	cached.budget.Ratio = 3
	return []*candidate{expired, cached, o.crowd("a Go program that prints hello", fx.helloProcess())}, nil
}

// crowd returns a candidate that runs a hundred of another one at once.
func (o *org) crowd(name string, one *candidate) *candidate {
	return &candidate{name: fmt.Sprintf("%d × %s", crowdSize, name), once: func(ctx context.Context) (sample, error) {
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
