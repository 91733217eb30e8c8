package telemetry

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestProblems: one line a minute, whatever a back end does, with the number of those that were not written.
func TestProblems(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w strings.Builder
		tm, err := New(Config{Log: jsonLog(&w)})
		if err != nil {
			t.Fatal(err)
		}
		p := &problemLog{t: tm}
		for range 3 {
			p.Handle(errors.New("nobody\nlistens"))
		}
		<-time.After(problemEvery)
		p.Handle(errors.New("still \x1b nobody"))
		got := lines(t, w.String())
		if len(got) == 2 && got[1]["error"] != `still \x1b nobody` {
			t.Errorf("error %q", got[1]["error"])
		}
		if len(got) != 2 || got[0]["suppressed"] != 0.0 || got[1]["suppressed"] != 2.0 {
			t.Errorf("%v", got)
		}
	})
}
