package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"forcecred/internal/orgtest"
	"forcecred/protocol"
	"forcecred/protocol/plugin"

	"github.com/hashicorp/go-hclog"
)

const echoName = "a bare echo as large"

// preparePlugin measures a cached Get over gRPC, and gRPC alone.
func preparePlugin(ctx context.Context, fx *fixture) ([]*candidate, error) {
	get, echo, err := fx.startPlugins(ctx)
	if err != nil {
		return nil, err
	}
	ours := call("Get, cached", get)
	ours.budget.MedianMS = 0.15
	return []*candidate{ours, call(echoName, echo)}, nil
}

// preparePluginCrowd measures the calls per second of many callers at once.
func preparePluginCrowd(ctx context.Context, fx *fixture) ([]*candidate, error) {
	get, echo, err := fx.startPlugins(ctx)
	if err != nil {
		return nil, err
	}
	each := 100
	if fx.short {
		each = 10
	}
	ours := calls("Get, cached", each, get)
	ours.budget.PerSecond = 15_000
	return []*candidate{ours, calls(echoName, each, echo)}, nil
}

// preparePluginStart measures the start of the plugin up to its first answer.
func preparePluginStart(ctx context.Context, fx *fixture) ([]*candidate, error) {
	o, _, err := fx.startFileOrg(ctx, orgtest.Config{})
	if err != nil {
		return nil, err
	}
	start := func(name string, withoutMTLS bool) *candidate {
		return &candidate{name: name, once: func(ctx context.Context) (sample, error) {
			begin := time.Now()
			client, err := o.startPlugin(ctx, withoutMTLS)
			took := time.Since(begin)
			if err == nil {
				client.Close()
			}
			return sample{took: took}, err
		}}
	}
	return []*candidate{start("forcecred-plugin, mutual TLS", false), start("forcecred-plugin, no TLS", true)}, nil
}

// startPlugins starts the plugin, with an org in its keystore, and the echo. It returns a
// call of each.
func (fx *fixture) startPlugins(ctx context.Context) (get, echo func(context.Context) error, err error) {
	o, _, err := fx.startFileOrg(ctx, orgtest.Config{})
	if err != nil {
		return nil, nil, err
	}
	client, err := o.startPlugin(ctx, false)
	if err != nil {
		return nil, nil, err
	}
	fx.later(client.Close)
	get = func(ctx context.Context) error {
		_, err := client.Get(ctx, protocol.GetRequest{Org: o.name, MinTTL: time.Minute})
		return err
	}
	c, err := client.Get(ctx, protocol.GetRequest{Org: o.name})
	if err != nil {
		return nil, nil, err
	}
	size := len(c.AccessToken.Reveal()) + len(c.InstanceURL) + len(c.ID) + len(c.IssuedAt) + len(c.Signature) + len(c.Scope) + len(c.OrgID) + len(c.UserID) + 64
	echo, err = fx.startEcho(size)
	return get, echo, err
}

func (o *org) startPlugin(ctx context.Context, withoutMTLS bool) (*plugin.Client, error) {
	cmd := o.at(o.fx.plugin)
	return plugin.Start(ctx, cmd.Path, plugin.Options{Env: cmd.Env, WithoutMTLS: withoutMTLS, Log: hclog.NewNullLogger()})
}

// call returns a candidate that makes one call.
func call(name string, f func(context.Context) error) *candidate {
	return &candidate{name: name, once: func(ctx context.Context) (sample, error) {
		begin := time.Now()
		err := f(ctx)
		return sample{took: time.Since(begin)}, err
	}}
}

const callers = 64

// calls returns a candidate in which many callers at once make a number of calls each.
func calls(name string, each int, f func(context.Context) error) *candidate {
	return &candidate{name: name, calls: callers * each, once: func(ctx context.Context) (sample, error) {
		errs := make([]error, callers)
		var all sync.WaitGroup
		begin := time.Now()
		for i := range callers {
			all.Go(func() {
				for n := 0; n < each && errs[i] == nil; n++ {
					errs[i] = f(ctx)
				}
			})
		}
		all.Wait()
		return sample{took: time.Since(begin)}, errors.Join(errs...)
	}}
}
