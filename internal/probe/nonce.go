package probe

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/corsgate/corsgate/policy"
	"github.com/corsgate/corsgate/tenant/store"
)

// ProbeLabel is the label, with the value "true", of a tenant that a probe may change.
const ProbeLabel = "probe"

// Nonce measures how long the edge takes to follow the registry: it lets a random origin into a tenant made for that, waits until
// the edge allows it, takes it out again and waits until the edge denies it. The entry expires by itself, should the
// prober be killed in between.
type Nonce struct {
	// Store is where the tenant is. Required.
	Store store.Writer
	// Tenant is its id; it must be labelled with [ProbeLabel].
	Tenant string
	// Target is the endpoint that answers by this tenant; of it, the address and how to reach it count.
	Target Target
	// Bound is the longest to wait for each of the two. Default: [DefaultBound].
	Bound time.Duration
	// By is who the history says it was.
	By string
}

// DefaultBound is how late a revocation may be seen at worst.
const DefaultBound = 35 * time.Second

const (
	// streak answers in a row must agree, each on a connection of its own: there may be many gateways.
	streak = 5
	// The pause between two questions is a tenth of the time that has gone by, within these bounds: what is measured is
	// measured well enough, and nobody is flooded.
	shortest, longest = 5 * time.Millisecond, 250 * time.Millisecond
	// restoring bounds what is done after an interruption, to leave things as they were.
	restoring = 20 * time.Second
)

// nonce is a Nonce, checked.
type nonce struct {
	Nonce

	endpoint *endpoint
	opt      *Options
}

func (n *Nonce) compile(ps *Problems, opt *Options) *nonce {
	c := &nonce{Nonce: *n, opt: opt}
	if c.Bound <= 0 {
		c.Bound = DefaultBound
	}
	c.Target.Direct, c.Target.Expect = "", nil
	e, found := c.Target.compile("nonce_")
	said := slices.ContainsFunc(opt.Targets, func(t Target) bool { return t.URL == n.Target.URL })
	for _, p := range found {
		if p.Field == "nonce_url" && !said { // the rest has been said of the target already
			*ps = append(*ps, p)
		}
	}
	c.endpoint = e
	return c
}

// measure is the case "propagation", as a target of its own.
func (n *nonce) measure(ctx context.Context) TargetReport {
	c := CaseReport{Case: Propagation, Path: Edge, Verdict: Pass}
	began := time.Now()
	origin := "https://" + token() + nonceDomain
	err := n.swing(ctx, origin, &c)
	c.Duration = time.Since(began).Seconds()
	if err != nil {
		c.Reason = printable(err.Error())
		if len(c.Findings) == 0 {
			c.Verdict, c.Propagation = Unasked, nil
		}
	}
	return TargetReport{
		Name: "nonce", URL: n.Target.URL, Expected: fmt.Sprintf("tenant %s, which the probe changes", n.Tenant),
		Cases: []CaseReport{c},
	}
}

// swing lets origin in and out again. The error says why something is not known; it restores the tenant whatever happens.
func (n *nonce) swing(ctx context.Context, origin string, c *CaseReport) (err error) {
	began := time.Now()
	tried, err := n.enter(ctx, origin)
	out := !tried // what was refused needs no restoring
	leave := func() error {
		out = true
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), restoring)
		defer cancel()
		return n.leave(ctx, origin)
	}
	defer func() {
		if !out {
			err = errors.Join(err, leave())
		}
	}()
	if err != nil {
		return err
	}
	c.Propagation = &Propagated{Allow: n.Bound.Seconds(), Revoke: n.Bound.Seconds()}
	seen, err := n.await(ctx, origin, true, c)
	if err != nil || c.Verdict == Fail {
		return err
	}
	c.Propagation.Allow = seen.Sub(began).Seconds()
	began = time.Now()
	if err := leave(); err != nil {
		return err
	}
	seen, err = n.await(ctx, origin, false, c)
	if err == nil && c.Verdict != Fail {
		c.Propagation.Revoke = seen.Sub(began).Seconds()
	}
	return err
}

// await asks until the edge allows origin, or denies it, several times in a row, and gives the moment of the first of them.
func (n *nonce) await(ctx context.Context, origin string, allowed bool, c *CaseReport) (time.Time, error) {
	limit := time.NewTimer(n.Bound)
	defer limit.Stop()
	began := time.Now()
	var since time.Time
	var last string
	var failed error
	for agree := 0; ; {
		k := &check{Case: Case{Name: Propagation}, client: newClient(n.endpoint.ways[0], n.endpoint, n.opt)}
		r := request{method: "GET", path: n.endpoint.url.RequestURI(), origin: origin}
		a := k.ask(ctx, r)
		k.client.close()
		c.Requests++
		switch {
		case a == nil:
			agree, failed = 0, k.unasked
		case (a.value(hOrigin) == origin) != allowed:
			agree, failed, last = 0, nil, shown(a, hOrigin)
		default:
			if agree++; agree == 1 {
				since = time.Now()
			}
		}
		if agree == streak {
			return since, nil
		}
		select {
		case <-time.After(min(max(time.Since(began)/10, shortest), longest)):
		case <-ctx.Done():
			return since, ctx.Err()
		case <-limit.C:
			if failed != nil {
				return since, failed
			}
			c.Verdict = Fail
			c.Findings = append(c.Findings, n.late(k, r, allowed, last))
			return since, nil
		}
	}
}

func (n *nonce) late(k *check, r request, allowed bool, last string) Finding {
	want := "no " + hOrigin
	if allowed {
		want = hOrigin + ": " + r.origin
	}
	return Finding{
		Rule: "the bound", Request: printable(r.String()), Want: fmt.Sprintf("%s within %s of the change", want, n.Bound),
		Got: printable(last), Curl: k.client.curl(r, Propagation),
	}
}

// denies reports whether a policy has an answer for origin, and it is no.
func denies(d *policy.Decision) bool { return d.Kind == policy.Actual && d.Outcome == policy.Denied }
