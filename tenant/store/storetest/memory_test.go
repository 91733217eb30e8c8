package storetest_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/corsgate/corsgate/tenant/store"
	"github.com/corsgate/corsgate/tenant/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestMemoryKeepsTheContract(t *testing.T) {
	storetest.Run(t, func(*testing.T) storetest.Subject {
		m := storetest.NewMemory()
		return storetest.Subject{
			Writer: m, Source: m,
			Put:      func(id string, data []byte) { m.Put(id, data) },
			Own:      m.Own,
			Lose:     m.Remove,
			Mistype:  func(id string) { m.Spoil(id, store.ErrWrongType) },
			Trim:     m.Trim,
			Announce: func(id, kind string, revision int64) { m.Announce(id, kind, revision) },
		}
	})
}
