package tenant_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/corsgate/corsgate/policy"
	"github.com/corsgate/corsgate/tenant"
)

const (
	endedAt = "2000-01-01T00:00:01Z"
	endsAt  = "2100-01-01T00:00:00Z"
)

// randomPolicy lists some of three origins, each permanently, until long ago or until far away.
func randomPolicy(random *rand.Rand) (text string, ended map[string]bool) {
	ended = make(map[string]bool)
	var origins, temporary []string
	for _, o := range []string{"https://a.origin", "https://b.origin", "https://c.origin"} {
		switch random.IntN(5) {
		case 0, 1:
			origins = append(origins, fmt.Sprintf("%q", o))
		case 2:
			temporary = append(temporary, fmt.Sprintf(`{"origin":%q,"expires_at":%q}`, o, endedAt))
			ended[o] = true
		case 3:
			temporary = append(temporary, fmt.Sprintf(`{"origin":%q,"expires_at":%q}`, o, endsAt))
		}
	}
	methods := [...]string{"[]", `["PUT"]`}[random.IntN(2)]
	sockets := [...]string{"IGNORE", "ENFORCE"}[random.IntN(2)]
	return fmt.Sprintf(`{"origins":[%s],"temporary_origins":[%s],"methods":%s,"websockets":%q}`,
		strings.Join(origins, ","), strings.Join(temporary, ","), methods, sockets), ended
}

// randomVersion is a document, and what has ended in the policy that decides for all of it.
func randomVersion(random *rand.Rand) (text string, ended map[string]bool) {
	policyText, ended := randomPolicy(random)
	mode := [...]string{"ENFORCE", "ENFORCE", "ENFORCE", "SHADOW", "OFF"}[random.IntN(5)]
	text = fmt.Sprintf(`{"id":"a","hosts":["a.example"],"mode":%q,"policy":%s`, mode, policyText)
	switch random.IntN(6) {
	case 0:
		routed, in := randomPolicy(random)
		text, ended = text+`,"routes":[{"path_prefix":"/v1","policy":`+routed+`}]`, in
	case 1:
		candidate, in := randomPolicy(random)
		text, ended = text+`,"candidate":{"percent":100,"policy":`+candidate+`}`, in
	case 2:
		candidate, _ := randomPolicy(random)
		text += `,"candidate":{"policy":` + candidate + `}`
	}
	return text + "}", ended
}

// TestRegressedByComparison holds what a view says against two views that know nothing of each other.
func TestRegressedByComparison(t *testing.T) {
	look := func(versions ...tenant.Update) tenant.View {
		s := tenant.NewSnapshot()
		for _, u := range versions {
			if u.Err != nil {
				t.Fatal(u.Err)
			}
			s, _ = s.Merge([]tenant.Update{u}, tenant.Rules{Now: time.Now()})
		}
		return viewOf(t, s, "/v1/x")
	}
	random := rand.New(rand.NewPCG(3, 5))
	now := time.Now()
	said := 0
	for range 20_000 {
		oldText, _ := randomVersion(random)
		newText, ended := randomVersion(random)
		r := policy.Request{
			Method: [...]string{"GET", "OPTIONS", "PUT"}[random.IntN(3)], Authority: "a.example", Now: now.Unix(),
			Origin: "https://" + string("abcd"[random.IntN(4)]) + ".origin", WebSocket: random.IntN(5) == 0,
		}
		if r.Method == "OPTIONS" {
			r.RequestMethod = [...]string{"POST", "PUT"}[random.IntN(2)]
		}
		before, after := parsed("a", oldText), parsed("a", newText)
		before.Sum = 0 // two records, also of one text
		oldView, newView := look(before), look(after)
		was, is := oldView.Decide(&r, 0), newView.Decide(&r, 0)
		let := was.Outcome == policy.Allowed || was.Reason == policy.WebSocketIgnored
		declared := is.Reason == policy.OriginNotListed && ended[r.Origin]
		want := is.Outcome == policy.Denied && !strings.Contains(newText, `"mode":"SHADOW"`) && let && !declared
		view := look(before, after)
		got := view.Decide(&r, 0)
		if got.Regressed != want {
			t.Fatalf("regressed is %t, want %t, of %+v\nbefore %s\nafter  %s", got.Regressed, want, r, oldText, newText)
		}
		if got.Regressed = false; got != is {
			t.Fatalf("the version before changed the decision: %+v, want %+v", got, is)
		}
		if want {
			said++
		}
	}
	if said < 500 {
		t.Errorf("only %d of the cases regressed", said)
	}
}
