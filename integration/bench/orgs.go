package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"sync"

	"forcecred/internal/orgtest"
	"forcecred/keystore"
)

// prepareOrgs measures a cached get with many stored orgs, and with few.
func prepareOrgs(ctx context.Context, fx *fixture) ([]*candidate, error) {
	counts := []int{10_000, 100, 1}
	if fx.short {
		counts[0] = 1000
	}
	var all []*candidate
	for _, count := range counts {
		home := filepath.Join(fx.dir, strconv.Itoa(count))
		o, err := fx.startOrg(ctx, ageFiles(home), "prod", orgtest.Config{})
		if err != nil {
			return nil, err
		}
		if err := multiply(ctx, home, o.name, count-1); err != nil {
			return nil, fmt.Errorf("store %d orgs: %w", count, err)
		}
		c := o.cachedGet()
		c.name += fmt.Sprintf(", one of %s", thousands(strconv.Itoa(count)))
		if count == 1 {
			c.budget.Ratio = 1.2
		}
		all = append(all, c)
	}
	return all, nil
}

// multiply stores an org under many more names. It has many writers, because each waits
// for the disk most of the time.
func multiply(ctx context.Context, home, name string, more int) error {
	store := openAgeFiles(home)
	grant, err := keystore.LoadGrant(ctx, store, keystore.Org(name))
	if err != nil {
		return err
	}
	token, err := keystore.LoadToken(ctx, store, grant.Org)
	if err != nil {
		return err
	}
	const writers = 64
	errs := make([]error, writers)
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for i := w; i < more && errs[w] == nil; i += writers {
				g, t := grant, token
				g.Org = keystore.Org(fmt.Sprintf("org-%d", i))
				t.Org = g.Org
				errs[w] = errors.Join(keystore.SaveGrant(ctx, store, g), keystore.SaveToken(ctx, store, t))
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}
