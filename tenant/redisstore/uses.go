package redisstore

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/store"
)

var (
	_ store.UseWriter = (*Store)(nil)
	_ store.UseReader = (*Store)(nil)
)

const (
	// useBatch is how many uses, or days, are sent or read in one round trip.
	useBatch = 500
	// usesKept is how long the uses of a tenant are kept after the last one.
	usesKept = 400 * 24 * time.Hour
)

// usedKey is a hash: entry → day of its last use. That of no tenant has a field for each day on
// which uses were recorded.
func (s *Store) usedKey(id string) string { return s.opt.Prefix + "used:" + id }

// RecordUses implements [store.UseWriter]. What another program made of a key is left alone.
func (s *Store) RecordUses(ctx context.Context, today store.Day, uses []store.Use) error {
	err := s.record(ctx, func(p redis.Pipeliner) {
		p.HSet(ctx, s.usedKey(""), today.String(), "1")
	})
	uses = slices.DeleteFunc(slices.Clone(uses), func(u store.Use) bool { return !tenant.ValidID(u.Tenant) })
	slices.SortFunc(uses, func(a, b store.Use) int { return strings.Compare(a.Tenant, b.Tenant) })
	for some := range slices.Chunk(uses, useBatch) {
		if err != nil {
			break
		}
		err = s.record(ctx, func(p redis.Pipeliner) { s.addUses(ctx, p, some) })
	}
	if err != nil {
		return s.fail(ctx, "recording uses of entries", err)
	}
	return nil
}

// addUses adds the commands for uses that are sorted by tenant.
func (s *Store) addUses(ctx context.Context, p redis.Pipeliner, uses []store.Use) {
	for len(uses) > 0 {
		id := uses[0].Tenant
		var fields []any
		for len(uses) > 0 && uses[0].Tenant == id {
			fields = append(fields, uses[0].Entry, uses[0].Day.String())
			uses = uses[1:]
		}
		p.HSet(ctx, s.usedKey(id), fields...)
		p.Expire(ctx, s.usedKey(id), usesKept)
	}
}

// record makes one round trip. The error is the first of a command.
func (s *Store) record(ctx context.Context, fill func(redis.Pipeliner)) error {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	cmds, err := s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		fill(p)
		return nil
	})
	if err == nil {
		return nil
	}
	wrong := false
	for _, cmd := range cmds {
		switch classify(ctx, cmd.Err()) {
		case "":
		case ErrorWrongType:
			wrong = true
		default:
			return cmd.Err()
		}
	}
	if wrong {
		return nil
	}
	return err
}

// Uses implements [store.UseReader].
func (s *Store) Uses(ctx context.Context, id string, entries []string) ([]store.Day, error) {
	days := make([]store.Day, 0, len(entries))
	for some := range slices.Chunk(entries, useBatch) {
		values, err := s.usedFields(ctx, id, some)
		if err != nil {
			return nil, s.fail(ctx, fmt.Sprintf("reading the uses of tenant %s", id), err)
		}
		for _, v := range values {
			text, _ := v.(string)
			day, err := store.ParseDay(text)
			if err != nil {
				day = 0 // never, or what nobody wrote
			}
			days = append(days, day)
		}
	}
	return days, nil
}

// RecordedDays implements [store.UseReader].
func (s *Store) RecordedDays(ctx context.Context, days []store.Day) ([]bool, error) {
	recorded := make([]bool, 0, len(days))
	for some := range slices.Chunk(days, useBatch) {
		fields := make([]string, len(some))
		for i, day := range some {
			fields[i] = day.String()
		}
		values, err := s.usedFields(ctx, "", fields)
		if err != nil {
			return nil, s.fail(ctx, "reading when uses were recorded", err)
		}
		for _, v := range values {
			recorded = append(recorded, v != nil)
		}
	}
	return recorded, nil
}

// usedFields reads fields of a hash. One that is of another type holds nothing.
func (s *Store) usedFields(ctx context.Context, id string, fields []string) ([]any, error) {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	values, err := s.rdb.HMGet(ctx, s.usedKey(id), fields...).Result()
	switch {
	case classify(ctx, err) == ErrorWrongType:
		return make([]any, len(fields)), nil
	case err != nil:
		return nil, err
	case len(values) != len(fields):
		return nil, fmt.Errorf("%d values for %d fields", len(values), len(fields))
	}
	return values, nil
}
