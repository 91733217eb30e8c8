package telemetry

import (
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// Bounds of the tenants that cors.tenant.denials.topk names: a back end of metrics keeps every name
// that it ever saw.
const (
	topTenants   = 50
	topResidence = 5 * time.Minute
	topNames     = 200 // a day
)

const topOther = "_other"

// topList finds the tenants with the most denials.
type topList struct {
	mu     sync.Mutex
	sketch *sketch[string, time.Time] // :: tenant → when it came on the list
	other  uint64
	day    time.Time
	named  map[string]bool // today
}

func newTopList() *topList {
	return &topList{sketch: newSketch[string, time.Time](topTenants), named: map[string]bool{}}
}

// add counts a denial of a tenant; "" is none.
func (t *topList) add(id string, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now.Sub(t.day) >= 24*time.Hour {
		t.day = now
		clear(t.named)
		for i := range t.sketch.slots {
			t.named[t.sketch.slots[i].key] = true
		}
	}
	known := t.named[id]
	if id == "" || !known && len(t.named) >= topNames {
		t.other++
		return
	}
	s := t.sketch.add(id, func(s *slot[string, time.Time]) bool { return now.Sub(s.value) >= topResidence })
	if s == nil {
		t.other++
		return
	}
	if s.value.IsZero() {
		s.value = now
		s.count, s.over = 1, 0 // counted since it came on the list
		t.named[id] = true
	}
}

func (t *topList) observe(o metric.Observer, instrument metric.Int64Observable) {
	t.mu.Lock()
	defer t.mu.Unlock()
	show := func(id string, n uint64) {
		o.ObserveInt64(instrument, int64(min(n, 1<<62)), metric.WithAttributes(attribute.String("cors.tenant.id", id)))
	}
	for i := range t.sketch.slots {
		show(t.sketch.slots[i].key, t.sketch.slots[i].count)
	}
	show(topOther, t.other)
}
