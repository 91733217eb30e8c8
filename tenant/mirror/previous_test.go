package mirror_test

import (
	"testing"
	"time"

	"github.com/corsgate/corsgate/policy"
	"github.com/corsgate/corsgate/tenant/mirror"
)

func TestVersionsAreRememberedForADay(t *testing.T) {
	for name, opt := range map[string]mirror.Options{"whole": {}, "lazy": {Lazy: true}} {
		t.Run(name, func(t *testing.T) {
			scene(t, opt, func(w *world) {
				a := doc{id: "a", text: "v1", hosts: []string{"a.example"}}
				b := doc{id: "b", text: "v1", hosts: []string{"b.example"}}
				w.write(a, b)
				w.start()
				regressed := func(host string) bool {
					v := w.look(host)
					res := v.Decide(&policy.Request{Method: "GET", Authority: host, Origin: origin("v1"), Now: time.Now().Unix()}, 0)
					return res.Regressed
				}
				if regressed("a.example") || regressed("b.example") {
					t.Error("a first version regressed")
				}
				a.text = "v2"
				w.write(a)
				step(soon)
				w.want("a.example", "live v2")
				if !regressed("a.example") || regressed("b.example") {
					t.Error("want a regression of the tenant that was changed, and of no other")
				}
				a.revision = 7
				w.write(a)
				w.bury(b)
				step(soon)
				if !regressed("a.example") || !regressed("b.example") {
					t.Error("a new revision that changes nothing ended the regression, or a deletion is none")
				}
				if n := mirror.Changed(w.m); n != 2 {
					t.Errorf("%d versions are remembered", n)
				}
				step(24*time.Hour + 10*time.Minute)
				if n := mirror.Changed(w.m); n != 0 || regressed("a.example") {
					t.Errorf("after a day %d versions are remembered", n)
				}
			})
		})
	}
}
