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

// preparePlugin: a cached Get over gRPC, beside what gRPC itself takes.
func preparePlugin(ctx context.Context, g *ground) ([]*contender, error) {
	get, echo, err := g.startPlugins(ctx)
	if err != nil {
		return nil, err
	}
	ours := call("Get, cached", get)
	ours.budget.MedianMS = 0.15
	return []*contender{ours, call(echoName, echo)}, nil
}

// preparePluginCrowd: how many calls there are in a second when many ask at once.
func preparePluginCrowd(ctx context.Context, g *ground) ([]*contender, error) {
	get, echo, err := g.startPlugins(ctx)
	if err != nil {
		return nil, err
	}
	each := 100
	if g.short {
		each = 10
	}
	ours := calls("Get, cached", each, get)
	ours.budget.PerSecond = 15_000
	return []*contender{ours, calls(echoName, each, echo)}, nil
}

// preparePluginStart: a start of the plugin, until it answers.
func preparePluginStart(ctx context.Context, g *ground) ([]*contender, error) {
	o, _, err := g.startFileOrg(ctx, orgtest.Config{})
	if err != nil {
		return nil, err
	}
	start := func(name string, withoutMTLS bool) *contender {
		return &contender{name: name, once: func(ctx context.Context) (sample, error) {
			begin := time.Now()
			client, err := o.startPlugin(ctx, withoutMTLS)
			took := time.Since(begin)
			if err == nil {
				client.Close()
			}
			return sample{took: took}, err
		}}
	}
	return []*contender{start("forcecred-plugin, mutual TLS", false), start("forcecred-plugin, no TLS", true)}, nil
}

// startPlugins starts the plugin with an org in its keystore, and the echo.
// It returns a call of each.
func (g *ground) startPlugins(ctx context.Context) (get, echo func(context.Context) error, err error) {
	o, _, err := g.startFileOrg(ctx, orgtest.Config{})
	if err != nil {
		return nil, nil, err
	}
	client, err := o.startPlugin(ctx, false)
	if err != nil {
		return nil, nil, err
	}
	g.later(client.Close)
	get = func(ctx context.Context) error {
		_, err := client.Get(ctx, protocol.GetRequest{Org: o.name, MinTTL: time.Minute})
		return err
	}
	c, err := client.Get(ctx, protocol.GetRequest{Org: o.name})
	if err != nil {
		return nil, nil, err
	}
	size := len(c.AccessToken.Reveal()) + len(c.InstanceURL) + len(c.ID) + len(c.IssuedAt) + len(c.Signature) + len(c.Scope) + len(c.OrgID) + len(c.UserID) + 64
	echo, err = g.startEcho(size)
	return get, echo, err
}

func (o *org) startPlugin(ctx context.Context, withoutMTLS bool) (*plugin.Client, error) {
	cmd := o.at(o.g.plugin)
	return plugin.Start(ctx, cmd.Path, plugin.Options{Env: cmd.Env, WithoutMTLS: withoutMTLS, Log: hclog.NewNullLogger()})
}

// call returns a contender that is one call.
func call(name string, f func(context.Context) error) *contender {
	return &contender{name: name, once: func(ctx context.Context) (sample, error) {
		begin := time.Now()
		err := f(ctx)
		return sample{took: time.Since(begin)}, err
	}}
}

const callers = 64

// calls returns a contender that is so many calls by each of many callers at once.
func calls(name string, each int, f func(context.Context) error) *contender {
	return &contender{name: name, calls: callers * each, once: func(ctx context.Context) (sample, error) {
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
