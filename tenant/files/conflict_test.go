package files_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/document"
	"github.com/corsgate/corsgate/tenant/files"
)

func TestNewClaimTakesNoHostAway(t *testing.T) {
	inDirectory(t, files.Options{}, func(b *bench) {
		b.write("m.yaml", doc("m", "shared.example"))
		b.write("b.yaml", doc("b", "b.example"))
		b.look()
		b.replace("b.yaml", "# moved down\n"+doc("b", "b.example", "shared.example", "b2.example"))
		b.look()
		b.want(map[string]string{"shared.example": "m", "b.example": "b", "b2.example": "b"})
		b.problems("b.yaml host_taken", "m.yaml host_taken")
		b.told(document.CodeHostTaken, "b.yaml:2:1: hosts[1]:", "shared.example", "the host belongs to tenant m in", "m.yaml, line 1")
		b.told(document.CodeHostTaken, "m.yaml:1:1: hosts[0]:", "tenant b in", "b.yaml, line 2", "it stays with this one")
		b.replace("m.yaml", doc("m", "m.example"))
		b.look()
		b.want(map[string]string{"shared.example": "b", "m.example": "m"})
		b.problems()
	})
}

func TestTwoNewClaimsOfAHost(t *testing.T) {
	for _, names := range [][2]string{{"a.yaml", "b.yaml"}, {"b.yaml", "a.yaml"}} {
		inDirectory(t, files.Options{}, func(b *bench) {
			b.write(names[0], doc("x", "shared.example", "x.example"))
			b.write(names[1], doc("y", "shared.example", "y.example"))
			b.look()
			b.want(map[string]string{"shared.example": "conflict", "x.example": "x", "y.example": "y"})
			b.problems("a.yaml host_taken", "b.yaml host_taken")
			b.told(document.CodeHostTaken, names[0]+":1:1:", "tenant y in", "none of them has it")
			b.told(document.CodeHostTaken, names[1]+":1:1:", "tenant x in", "none of them has it")
			b.remove(names[1])
			b.settle()
			b.want(map[string]string{"shared.example": "x"})
			b.problems()
		})
	}
}

func TestHostMovesBetweenFilesInOneChange(t *testing.T) {
	inDirectory(t, files.Options{}, func(b *bench) {
		b.write("a.yaml", doc("a", "moving.example"))
		b.write("b.yaml", doc("b", "b.example"))
		b.look()
		b.replace("a.yaml", doc("a", "a.example"))
		b.replace("b.yaml", doc("b", "moving.example"))
		b.look()
		b.want(map[string]string{"moving.example": "b"})
		b.problems()
	})
}

func TestOneIDInTwoFiles(t *testing.T) {
	inDirectory(t, files.Options{}, func(b *bench) {
		b.write("default.yaml", doc("default", `"*"`))
		b.write("m.yaml", doc("m", "m.example"))
		b.look()
		b.write("b.yaml", whole(doc("m", "b.example")))
		b.settle()
		b.want(map[string]string{"m.example": "m", "b.example": "default"})
		b.problems("b.yaml id_taken", "m.yaml id_taken")
		b.told(document.CodeIDTaken, "b.yaml:1:1: id:", "the id belongs to the document in", "m.yaml")
		b.told(document.CodeIDTaken, "m.yaml:1:1: id:", "the document in", "b.yaml, line 1", "stays in force")
		b.replace("m.yaml", doc("m", "m2.example"))
		b.look()
		b.want(map[string]string{"m.example": "default", "m2.example": "m", "b.example": "default"})
		b.problems("b.yaml id_taken", "m.yaml id_taken")
		b.replace("m.yaml", doc("other", "other.example"))
		b.look()
		b.want(map[string]string{"m2.example": "default", "b.example": "m"})
		b.problems()
	})
	t.Run("both new", func(t *testing.T) {
		inDirectory(t, files.Options{}, func(b *bench) {
			b.write("a.yaml", join(doc("default", `"*"`), doc("m", "a.example")))
			b.write("b.yaml", doc("m", "b.example"))
			b.look()
			b.want(map[string]string{"a.example": "unreadable", "b.example": "unreadable", "/m": "unreadable", "c.example": "default"})
			b.problems("a.yaml id_taken", "b.yaml id_taken")
			b.told(document.CodeIDTaken, "a.yaml:5:1:", "none of them counts")
			b.remove("b.yaml")
			b.settle()
			b.want(map[string]string{"a.example": "m", "b.example": "default"})
			b.problems()
		})
	})
}

// TestLoadTellsBothSides of each conflict, as Conflicts does of the documents alone.
func TestLoadTellsBothSides(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a.yaml", join(doc("a", "shared.example"), doc("twice", "t1.example")))
	write(t, dir, "b.yaml", join(doc("b", "shared.example"), doc("twice", "t2.example")))
	snapshot, docs, err := files.Load(dir)
	problems, ok := errors.AsType[document.Problems](err)
	if !ok || len(problems) != 4 || len(docs) != 4 || snapshot.Tenants() != 2 {
		t.Fatalf("%d tenants, %d documents, %v; want 2, 4 and 4 problems", snapshot.Tenants(), len(docs), err)
	}
	var records []*tenant.Record
	for _, d := range docs {
		records = append(records, d.Record)
	}
	if found := files.Conflicts(records); !slices.Equal(found, problems) {
		t.Errorf("Conflicts gives\n%v\nLoad gives\n%v", found, problems)
	}
}
