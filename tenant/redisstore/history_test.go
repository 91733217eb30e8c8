package redisstore_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/corsgate/corsgate/internal/redistest"
	"github.com/corsgate/corsgate/tenant/redisstore"
	"github.com/corsgate/corsgate/tenant/store"
)

func TestHistory(t *testing.T) {
	server := redistest.Start(t, redistest.Options{})
	s := patient(t, server)
	numbers := func(limit int) (all []int64) {
		t.Helper()
		revisions, err := s.History(t.Context(), "a", limit)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range revisions {
			all = append(all, r.Number)
		}
		return all
	}
	if got := numbers(10); got != nil {
		t.Errorf("the history of nobody is %v", got)
	}
	var want []int64
	for base := range int64(25) {
		applied(t, s, put(base, "a"))
		want = append([]int64{base + 1}, want...)
	}
	for _, limit := range []int{-1, 0, 1, 9, 10, 11, 20, 24, 25, 26, 1 << 30} {
		if diff := cmp.Diff(want[:max(0, min(limit, 25))], numbers(limit), cmp.Transformer("nil", func(s []int64) []int64 { return append([]int64{}, s...) })); diff != "" {
			t.Errorf("limit %d (-want +got):\n%s", limit, diff)
		}
	}
	if _, err := s.History(t.Context(), "a\nb", 1); err == nil {
		t.Error("what is no id has a history")
	}
	server.Do("DEL", prefix+"history:a")
	server.Do("SET", prefix+"history:a", "x")
	_, err := s.History(t.Context(), "a", 1)
	if refused, ok := errors.AsType[*redisstore.RefusedError](err); !ok || refused.Type != redisstore.ErrorWrongType {
		t.Errorf("a history that is no stream gives %v", err)
	}
}

// Entries by others are believed as far as they can be shown and used.
func TestForeignHistory(t *testing.T) {
	server := redistest.Start(t, redistest.Options{})
	s := patient(t, server)
	add := func(id string, fields ...any) {
		server.Do(append([]any{"XADD", prefix + "history:a", id}, fields...)...)
	}
	add("1-0", "x", "y")
	add("2-0", "revision", "1")
	add("3-0", "document", "{}")
	add("4-0", "document", "", "revision", "1")
	add("5-0", "document", "{}", "revision", "-1")
	add("6-0", "document", "{}", "revision", "one")
	add("7-0", "document", strings.Repeat("x", 1<<20+1), "revision", "1")
	add("8-0", "document", "{}", "revision", "1")
	add("9-0", "document", "{", "revision", "2", "kind", "a\x1b[2Jb"+strings.Repeat("k", 300), "by", strings.Repeat("é", 300)+"\n", "reason", "a\xff\x00\u202eb")
	add("253402300800000-0", "document", "{}", "revision", "3", "by", "late")
	add("18446744073709551614-0", "document", "{}", "revision", "4")
	got, err := s.History(t.Context(), "a", 100)
	if err != nil {
		t.Fatal(err)
	}
	last := time.Date(9999, 12, 31, 23, 59, 59, 999_000_000, time.UTC)
	want := []store.Revision{
		{At: last, Number: 4, Data: []byte("{}")},
		{At: last, Number: 3, By: "late", Data: []byte("{}")},
		{
			At: time.UnixMilli(9).UTC(), Number: 2, Kind: "a[2Jb" + strings.Repeat("k", 250),
			By: strings.Repeat("é", 256), Reason: "a\ufffdb", Data: []byte("{"),
		},
		{At: time.UnixMilli(8).UTC(), Number: 1, Data: []byte("{}")},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A confirmation is a change, says who made it, and names the store if nobody has.
func TestConfirm(t *testing.T) {
	server := redistest.Start(t, redistest.Options{})
	s := patient(t, server)
	token, err := s.Confirm(t.Context(), ana())
	if err != nil || len(token) < 20 {
		t.Fatalf("Confirm: %q, %v", token, err)
	}
	got := dump(server)
	epoch, _ := server.Do("HGET", prefix+"meta", "epoch").(string)
	want := map[string]string{
		prefix + "meta":    "[confirmed " + token + " epoch " + epoch + " schema 1]",
		prefix + "changes": "[kind confirm by ana reason because]\n",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	// Another confirmation meanwhile is no reason not to make this one.
	other := patient(t, server)
	s = patient(t, server, func(o *redisstore.Options) {
		done := false
		o.Observe = func(op redisstore.Operation) {
			if op.Name == "PIPELINE" && !done {
				done = true
				if _, err := other.Confirm(t.Context(), ana()); err != nil {
					t.Error(err)
				}
			}
		}
	})
	token, err = s.Confirm(t.Context(), ana())
	if err != nil || server.Do("HGET", prefix+"meta", "confirmed") != token || server.Do("XLEN", prefix+"changes") != int64(3) {
		t.Errorf("Confirm among others: %q, %v", token, err)
	}
}
