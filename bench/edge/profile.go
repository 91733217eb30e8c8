package main

import (
	"fmt"
	"os"
	"slices"
	"time"
)

// profileFor is how long a profile is taken.
const profileFor = 10 * time.Second

// profileOf writes a CPU profile of corsgate in design C, saturated with one kind of request.
func (l *lab) profileOf(kindName string) {
	i := slices.IndexFunc(kinds(), func(k kind) bool { return k.name == kindName })
	if i < 0 {
		l.tb.Fatalf("%q is no kind of request", kindName)
	}
	k := kinds()[i]
	r := l.start(l.redis(tenants{n: 1}), contender{name: "corsgate, c", filters: "c", server: corsgateServer})[0]
	profile := make(chan []byte, 1)
	failed := make(chan error, 1)
	go func() {
		text, err := get(l.tb.Context(), fmt.Sprintf("%s/debug/pprof/profile?seconds=%d", r.pages, profileFor/time.Second))
		profile <- text
		failed <- err
	}()
	_, err := r.saturate(l.tb.Context(), profileFor+time.Second, always(k.request(host)), r.expected(k))
	l.check(err, "saturating")
	text := <-profile
	l.check(<-failed, "taking a profile")
	l.check(os.WriteFile(l.profile, text, 0o600), "writing the profile")
}
