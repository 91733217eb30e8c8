package storetest

import (
	"errors"
	"strconv"
	"sync"
	"time"

	"google.golang.org/protobuf/encoding/protojson"

	tenantv1 "github.com/corsgate/corsgate/proto/corsgate/tenant/v1"
	"github.com/corsgate/corsgate/tenant/store"
)

// compareAndSet has writers count in one document and fails when a count is lost.
func (s *suite) compareAndSet() {
	const writers = 8
	each := s.Rounds
	if each == 0 {
		each = 50
	}
	ctx := s.within(time.Minute)
	s.applied(edit(0, document("a")))
	increment := func(writer string) error {
		got, err := s.Writer.Documents(ctx, []string{"a"})
		if err != nil {
			return err
		}
		var d tenantv1.Tenant
		if err := protojson.Unmarshal(got.All[0].Data, &d); err != nil {
			return err
		}
		if d.Labels == nil {
			d.Labels = make(map[string]string)
		}
		count, _ := strconv.Atoi(d.Labels[writer]) // none yet is 0
		d.Labels[writer] = strconv.Itoa(count + 1)
		_, err = s.Writer.Apply(ctx, []store.Edit{edit(d.GetRevision(), &d)}, author())
		return err
	}
	var running sync.WaitGroup
	for _, writer := range names("w", writers) {
		running.Go(func() {
			for done := 0; done < each; {
				err := increment(writer)
				var conflict *store.ConflictError
				switch {
				case err == nil:
					done++
				case !errors.As(err, &conflict):
					s.Errorf("a race ends in %v, want a conflict", err)
					return
				}
			}
		})
	}
	running.Wait()
	got := s.stored(s.read("a").All[0])
	s.want("revision", int64(1+writers*each), got.GetRevision())
	for _, writer := range names("w", writers) {
		s.want("count of "+writer, strconv.Itoa(each), got.GetLabels()[writer])
	}
	for i, c := range s.rawChanges(store.Position{}, 1000) {
		if c.Revision != int64(i+1) {
			s.Fatalf("change %d announces revision %d", i, c.Revision)
		}
	}
	newest := min(writers*each, 50)
	history, err := s.Writer.History(ctx, "a", newest)
	if err != nil || len(history) != newest {
		s.Fatalf("%d entries of history, %v", len(history), err)
	}
	for i, r := range history {
		if r.Number != got.GetRevision()-int64(i) || s.parse(r.Data).GetRevision() != r.Number {
			s.Fatalf("entry %d of the history is revision %d with the document of %d", i, r.Number, s.parse(r.Data).GetRevision())
		}
	}
}
