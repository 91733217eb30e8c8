package demo

import (
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestJournalKeepsTheDecisionsOfDemoFetches(t *testing.T) {
	log := strings.Join([]string{
		`not a log line`,
		`{"path":"/v1/orders","method":"GET","status":200,"cors_phase":null,"cors_decision":null,"cors_reason":null,"cors_tenant":null}`,
		`{"path":"/v1/orders?demo=a1","method":"OPTIONS","status":403,"cors_phase":"preflight","cors_decision":"denied","cors_reason":"method_not_listed","cors_tenant":"shop"}`,
		`{"path":null,"method":null,"status":400}`,
		`{"path":"/v1/orders?demo=a2","method":"GET","status":200,"cors_phase":"actual","cors_decision":"allowed","cors_reason":"origin_listed","cors_tenant":"shop"}`,
	}, "\n")
	var j journal
	if err := j.follow(strings.NewReader(log)); err != nil {
		t.Fatal(err)
	}
	want := []entry{
		{ID: "a1", Method: "OPTIONS", Status: 403, Phase: "preflight", Decision: "denied", Reason: "method_not_listed", Tenant: "shop"},
		{ID: "a2", Method: "GET", Status: 200, Phase: "actual", Decision: "allowed", Reason: "origin_listed", Tenant: "shop"},
	}
	if diff := cmp.Diff(want, j.recent()); diff != "" {
		t.Errorf("decisions (-want +got):\n%s", diff)
	}
}

func TestJournalForgetsTheOldest(t *testing.T) {
	var j journal
	for i := range journalSize + 3 {
		j.add(entry{ID: strconv.Itoa(i)})
	}
	got := j.recent()
	if len(got) != journalSize || got[0].ID != "3" || got[journalSize-1].ID != strconv.Itoa(journalSize+2) {
		t.Errorf("kept %d decisions from %q to %q", len(got), got[0].ID, got[len(got)-1].ID)
	}
}

func TestJournalSurvivesALineWithoutEnd(t *testing.T) {
	var j journal
	long := strings.Repeat("x", 2<<20)
	after := `{"path":"/?demo=late","method":"GET"}`
	if err := j.follow(strings.NewReader(long + "\n" + after + "\n")); err != nil {
		t.Fatal(err)
	}
	if got := j.recent(); len(got) != 1 || got[0].ID != "late" {
		t.Errorf("after an endless line: %v", got)
	}
}
