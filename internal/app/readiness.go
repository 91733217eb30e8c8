package app

import (
	"fmt"
	"time"

	"github.com/corsgate/corsgate/internal/wallclock"
	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/trust"
)

// Readiness is the answer of /readyz: 200 when Ready, 503 otherwise.
type Readiness struct {
	// Ready: the listeners are up, there is a document to decide by, or no reason to wait
	// for one any longer, and the process is not draining.
	Ready bool `json:"ready"`
	// Draining: the process was told to stop.
	Draining bool `json:"draining"`
	// Streams is the number of requests in flight.
	Streams int `json:"streams"`
	// Files is the number of files that tenants in force come from, those of a baseline included.
	Files int `json:"files"`
	// Tenants is the number of tenants in force; with Redis, of those in memory.
	Tenants int `json:"tenants"`
	// LoadedAt is when the tenants of the files last changed.
	LoadedAt time.Time `json:"loaded_at,omitzero"`
	// Kept names the files of which an older version is in force.
	Kept []string `json:"kept,omitempty"`
	// Problems are what is wrong with the documents as they are now. The last good version of
	// what they broke is in force, so they do not make the process unready.
	Problems []string `json:"problems,omitempty"`
	// Redis is the state of the local copy, when the tenants are in Redis.
	Redis *RedisReadiness `json:"redis,omitempty"`
}

// RedisReadiness says how well the local copy of the tenants knows Redis. Nothing in it
// makes a process unready.
type RedisReadiness struct {
	// Following: as of the last three seconds, no change was missed.
	Following bool `json:"following"`
	// Primed: all tenants have been read.
	Primed bool `json:"primed"`
	// LastContactAgo is how long ago no change had been missed; "" when it never was so.
	LastContactAgo string `json:"last_contact_ago,omitempty"`
	// Position is the last change taken, and Epoch the name of the registry.
	Position string `json:"position"`
	Epoch    string `json:"epoch"`
	// Live, Stale, Disk and Expired count the tenants by their freshness.
	Live    int `json:"live"`
	Stale   int `json:"stale"`
	Disk    int `json:"disk"`
	Expired int `json:"expired"`
	// Distrusted says why nothing that Redis says counts, or is "".
	Distrusted string `json:"distrusted,omitempty"`
	// HeldBack names the kinds of mass change that wait for an operator.
	HeldBack []string `json:"held_back,omitempty"`
	// Unrevised is the number of tenants whose document has no revision, so that an older one cannot be told.
	Unrevised int `json:"unrevised,omitempty"`
	// Advice is what to do about Distrusted, HeldBack and Unrevised.
	Advice []string `json:"advice,omitempty"`
	// ClockOffset is how far Redis is ahead of the machine's clock, as last observed.
	ClockOffset string `json:"clock_offset,omitempty"`
	// ClockDistrusted: the machine's clock jumped, and what expires does not follow it.
	ClockDistrusted bool `json:"clock_distrusted,omitempty"`
}

func describeStore(s *storedStatus, v *tenant.Survey, clock wallclock.Status) *RedisReadiness {
	r := &RedisReadiness{
		Following: s.Following, Primed: s.Primed, Position: s.Position.String(), Epoch: s.Epoch,
		Live: v.Fresh[tenant.Live], Stale: v.Fresh[tenant.Stale], Disk: v.Fresh[tenant.Disk], Expired: v.Fresh[tenant.Unavailable],
		Distrusted: string(s.Verdict), Unrevised: v.Unrevised, ClockDistrusted: clock.Distrusted,
	}
	for _, kind := range s.HeldBack {
		r.HeldBack = append(r.HeldBack, string(kind))
	}
	r.Advice = advice(r)
	if s.LastContact >= 0 {
		r.LastContactAgo = s.LastContact.Round(time.Millisecond).String()
	}
	if clock.Observed {
		r.ClockOffset = clock.Offset.Round(time.Millisecond).String()
	}
	return r
}

// confirm is the way to tell every process that Redis is as it should be.
const confirm = "if Redis is as it should be, run: corsgate tenant confirm --write --reason TEXT"

// advice is what to do about what does not count.
func advice(r *RedisReadiness) []string {
	var lines []string
	switch trust.Verdict(r.Distrusted) {
	case trust.Trusted:
	case trust.Empty:
		lines = append(lines, "Redis has no tenants yet: write them with corsgate tenant apply, or check --redis and --redis-prefix")
	case trust.Vanished:
		lines = append(lines, "the tenants in Redis are gone: restore them; "+confirm)
	case trust.Epoch:
		lines = append(lines, "Redis holds another registry than before: check --redis and --redis-prefix; "+confirm)
	case trust.Regressed:
		lines = append(lines, "Redis went back in time, as after a failover or a restored backup: write again what was lost; "+confirm)
	case trust.Schema:
		lines = append(lines, "the layout in Redis is newer than this program: upgrade it")
	default:
		lines = append(lines, confirm)
	}
	for _, kind := range r.HeldBack {
		switch tenant.Why(kind) {
		case tenant.Vanished:
			lines = append(lines, "many tenants vanished from Redis at once and are kept here: restore them; "+confirm)
		case tenant.Emptied:
			lines = append(lines, "many tenants lost all their origins at once and keep the last ones here: restore them; "+confirm)
		default:
			lines = append(lines, "many tenants changed at once ("+kind+"): "+confirm)
		}
	}
	if r.Unrevised > 0 {
		lines = append(lines, fmt.Sprintf("%d tenants have a document without a revision, which the next release refuses: "+
			"let the program that writes them count it, as docs/redis.md shows", r.Unrevised))
	}
	return lines
}

func (a *App) readiness() Readiness {
	draining := a.draining.Load()
	r := Readiness{
		Ready:    a.running.Load() && a.registry.Ready() && !draining,
		Draining: draining,
		Streams:  a.service.Active(),
	}
	a.registry.describe(&r)
	return r
}
