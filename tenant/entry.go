package tenant

import "github.com/corsgate/corsgate/policy"

// entry is a record made ready to serve. There is one for each tenant in memory, so what few
// need is behind a pointer.
type entry struct {
	record *Record
	first  any // the memo of the first policy
	rare   *rare
}

// rare is what few entries have.
type rare struct {
	memos []any // behind the first
	// previous is the version before the record, until the Unix second at which it counts no more.
	previous *Record
	until    int64
}

// memo is what was attached to a policy of the record.
func (e *entry) memo(r *rule) any {
	switch {
	case r.policy == nil:
		return nil
	case r.memo == 0:
		return e.first
	case e.rare != nil && int(r.memo) <= len(e.rare.memos):
		return e.rare.memos[r.memo-1]
	}
	return nil
}

// bind gives a record its memos.
func bind(r *Record, attach func(*policy.Policy) any) *entry {
	e := &entry{record: r}
	if attach == nil {
		return e
	}
	for rule := range r.policies() {
		switch memo := attach(rule.policy); {
		case rule.memo == 0:
			e.first = memo
		case e.rare == nil:
			e.rare = &rare{memos: []any{memo}}
		default:
			e.rare.memos = append(e.rare.memos, memo)
		}
	}
	return e
}
