package doctor

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"forcecred/internal/salesforce"
	"forcecred/protocol"
	"forcecred/protocol/remedy"
)

// Visitor goes to a host without a secret, and tells the time there;
// [salesforce.Client] is one.
type Visitor interface {
	ServerTime(context.Context, salesforce.Host) (time.Time, error)
}

const (
	visitBudget = 15 * time.Second
	maxVisits   = 8 // at once
)

// Hosts visits each host where one of the orgs logs in, and compares this
// machine's clock with theirs.
func Hosts(ctx context.Context, v Visitor, all []Kept) []protocol.Finding {
	logins := map[string]salesforce.Host{}
	var findings []protocol.Finding
	for _, k := range all {
		login, err := salesforce.ParseHost(k.Grant.LoginURL, k.Grant.Site, k.Grant.AllowHost)
		if err != nil {
			findings = append(findings, fail(Host, remedy.To("store_again"), "the grant of %q can't be used: %v", k.Grant.Org, err))
			continue
		}
		logins[login.URL()] = login
	}
	var mu sync.Mutex
	var visits []visit
	var running sync.WaitGroup
	turns := make(chan struct{}, maxVisits)
	for _, login := range logins {
		turns <- struct{}{}
		running.Go(func() {
			defer func() { <-turns }()
			found := goTo(ctx, v, login)
			mu.Lock()
			defer mu.Unlock()
			visits = append(visits, found)
		})
	}
	running.Wait()
	slices.SortFunc(visits, func(a, b visit) int { return strings.Compare(a.host, b.host) })
	for _, found := range visits {
		findings = append(findings, found.finding())
	}
	if len(findings) == 0 {
		findings = append(findings, ok(Host, "there is no org whose host could be visited"))
	}
	return append(findings, clock(visits)...)
}

// visit is what came of going to a host.
type visit struct {
	host string
	err  error
	skew time.Duration // its clock less ours, as far as it can't be the time on the way
	told bool          // it has said what time it is
}

func goTo(ctx context.Context, v Visitor, login salesforce.Host) visit {
	ctx, cancel := context.WithTimeout(ctx, visitBudget)
	defer cancel()
	sent := time.Now()
	date, err := v.ServerTime(ctx, login)
	got := time.Now()
	found := visit{host: strings.TrimPrefix(login.URL(), "https://"), err: err, told: err == nil && !date.IsZero()}
	// The header has whole seconds, and was written some time in between.
	switch end := date.Add(time.Second); {
	case !found.told:
	case date.After(got):
		found.skew = date.Sub(got)
	case end.Before(sent):
		found.skew = end.Sub(sent)
	}
	return found
}

func (v visit) finding() protocol.Finding {
	if v.err == nil {
		return ok(Host, "%s answers, and has proved by TLS who it is", v.host)
	}
	f := Failed(Host, v.err, remedy.To("check_network"))
	f.Detail = v.host + ": " + f.Detail
	return f
}

// How far the clocks may be apart.
const (
	noticeable = time.Minute
	tooFar     = 5 * time.Minute
)

// clock compares this machine's clock with that of the host which is farthest away.
func clock(visits []visit) []protocol.Finding {
	visits = slices.DeleteFunc(slices.Clone(visits), func(v visit) bool { return !v.told })
	if len(visits) == 0 {
		return nil
	}
	worst := slices.MaxFunc(visits, func(a, b visit) int { return cmp.Compare(a.skew.Abs(), b.skew.Abs()) })
	apart := worst.skew.Abs().Round(time.Second)
	direction := "behind"
	if worst.skew < 0 {
		direction = "ahead of"
	}
	todo := remedy.To("set_clock")
	switch {
	case apart > tooFar:
		return []protocol.Finding{fail(Clock, todo, "this machine's clock is %v %s that of %s", apart, direction, worst.host)}
	case apart > noticeable:
		return []protocol.Finding{warn(Clock, todo, "this machine's clock is %v %s that of %s", apart, direction, worst.host)}
	case apart == 0:
		return []protocol.Finding{ok(Clock, "this machine's clock is right, as %s says", worst.host)}
	}
	return []protocol.Finding{ok(Clock, "this machine's clock is %v %s that of %s", apart, direction, worst.host)}
}

// Offline tells why no host was visited.
func Offline(reason string) protocol.Finding { return ok(Host, "no host was visited, %s", reason) }

// ProxySetting tells of the variable that names a proxy, or "", of what is wrong
// with its setting, of whether there are exceptions, and of what is wrong with
// those, or "". The setting may have a password in it, and is not shown.
func ProxySetting(variable string, fault error, exceptions bool, exceptionsFault string) protocol.Finding {
	switch {
	case variable == "":
		return ok(Proxy, "none")
	case fault != nil:
		return fail(Proxy, remedy.Remedy{Code: "correct_variable", Name: variable}, "%s: %v", variable, fault)
	case exceptionsFault != "":
		return warn(Proxy, remedy.To("correct_no_proxy"), "%s names one; %s", variable, exceptionsFault)
	case exceptions:
		return ok(Proxy, "%s names one; NO_PROXY names what is reached without", variable)
	}
	return ok(Proxy, "%s names one", variable)
}

// RootsFile reports the file of further roots, or "", and what is wrong with the
// roots that a variable names.
func RootsFile(path, variable string, fault error) protocol.Finding {
	switch {
	case fault != nil:
		return fail(Roots, remedy.Remedy{Code: "correct_roots", Name: variable}, "%s: %v", variable, fault)
	case path == "":
		return ok(Roots, "the system's roots")
	}
	return ok(Roots, "the system's roots, and those in %s", path)
}
