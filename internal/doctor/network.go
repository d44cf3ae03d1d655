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

// Visitor connects to a host without a secret, and returns the host's time;
// [salesforce.Client] is one.
type Visitor interface {
	ServerTime(context.Context, salesforce.Host) (time.Time, error)
}

const (
	visitBudget = 15 * time.Second
	maxVisits   = 8 // at once
)

// CheckHosts connects to the login host of each org, and compares this
// machine's clock with theirs.
func CheckHosts(ctx context.Context, v Visitor, all []StoredOrg) []protocol.Finding {
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
	slots := make(chan struct{}, maxVisits)
	for _, login := range logins {
		slots <- struct{}{}
		running.Go(func() {
			defer func() { <-slots }()
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
		findings = append(findings, ok(Host, "no org has a host to visit"))
	}
	return append(findings, clock(visits)...)
}

// visit is the result of a connection to a host.
type visit struct {
	host    string
	err     error
	skew    time.Duration // its clock minus this machine's, without what the transfer may explain
	hasTime bool          // it sent its time
}

func goTo(ctx context.Context, v Visitor, login salesforce.Host) visit {
	ctx, cancel := context.WithTimeout(ctx, visitBudget)
	defer cancel()
	sent := time.Now()
	date, err := v.ServerTime(ctx, login)
	got := time.Now()
	found := visit{host: strings.TrimPrefix(login.URL(), "https://"), err: err, hasTime: err == nil && !date.IsZero()}
	// The header has whole seconds. The host wrote it between the two times.
	switch end := date.Add(time.Second); {
	case !found.hasTime:
	case date.After(got):
		found.skew = date.Sub(got)
	case end.Before(sent):
		found.skew = end.Sub(sent)
	}
	return found
}

func (v visit) finding() protocol.Finding {
	if v.err == nil {
		return ok(Host, "%s answers, and proved its identity by TLS", v.host)
	}
	f := FailedCheck(Host, v.err, remedy.To("check_network"))
	f.Detail = v.host + ": " + f.Detail
	return f
}

// The largest differences of clocks.
const (
	noticeable = time.Minute
	tooFar     = 5 * time.Minute
)

// clock compares this machine's clock with the one that differs most.
func clock(visits []visit) []protocol.Finding {
	visits = slices.DeleteFunc(slices.Clone(visits), func(v visit) bool { return !v.hasTime })
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
		return []protocol.Finding{ok(Clock, "this machine's clock agrees with that of %s", worst.host)}
	}
	return []protocol.Finding{ok(Clock, "this machine's clock is %v %s that of %s", apart, direction, worst.host)}
}

// SkipHosts returns the finding that no host was visited, and why.
func SkipHosts(reason string) protocol.Finding { return ok(Host, "no host was visited, %s", reason) }

// CheckProxy reports the proxy's variable, or "" for none, and the faults of its setting
// and of its exceptions. It does not show the setting, which may have a password.
func CheckProxy(variable string, fault error, exceptions bool, exceptionsFault string) protocol.Finding {
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

// CheckRoots reports the file of additional roots, or "" for none, and the fault of the
// roots that a variable names.
func CheckRoots(path, variable string, fault error) protocol.Finding {
	switch {
	case fault != nil:
		return fail(Roots, remedy.Remedy{Code: "correct_roots", Name: variable}, "%s: %v", variable, fault)
	case path == "":
		return ok(Roots, "the system's roots")
	}
	return ok(Roots, "the system's roots, and those in %s", path)
}
