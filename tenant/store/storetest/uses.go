package storetest

import (
	"context"

	"github.com/corsgate/corsgate/tenant/store"
)

var (
	_ store.UseWriter = (*Memory)(nil)
	_ store.UseReader = (*Memory)(nil)
)

// used are the last uses of entries, by tenant and entry, and the days on which they were recorded.
type used struct {
	last     map[[2]string]store.Day
	recorded map[store.Day]bool
}

// RecordUses is [store.UseWriter]'s.
func (m *Memory) RecordUses(_ context.Context, today store.Day, uses []store.Use) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.used.last == nil {
		m.used = used{last: make(map[[2]string]store.Day), recorded: make(map[store.Day]bool)}
	}
	m.used.recorded[today] = true
	for _, u := range uses {
		m.used.last[[2]string{u.Tenant, u.Entry}] = u.Day
	}
	return nil
}

// Uses is [store.UseReader]'s.
func (m *Memory) Uses(_ context.Context, lists []store.Entries) ([][]store.Day, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := make([][]store.Day, len(lists))
	for i, list := range lists {
		all[i] = make([]store.Day, len(list.Entries))
		for j, entry := range list.Entries {
			all[i][j] = m.used.last[[2]string{list.Tenant, entry}]
		}
	}
	return all, nil
}

// RecordedDays is [store.UseReader]'s.
func (m *Memory) RecordedDays(_ context.Context, days []store.Day) ([]bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	recorded := make([]bool, len(days))
	for i, day := range days {
		recorded[i] = m.used.recorded[day]
	}
	return recorded, nil
}
