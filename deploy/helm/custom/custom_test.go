// Package custom_test holds the chart's objects of kinds that Kubernetes does not have against the types of those who have them. It is a
// module of its own, because nothing else needs these types.
package custom_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	certmanager "github.com/cert-manager/cert-manager/pkg/apis/certmanager/v1"
	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"sigs.k8s.io/yaml"
)

// typed is the type of a kind, or nil.
func typed(kind string) any {
	switch kind {
	case "Certificate":
		return new(certmanager.Certificate)
	case "ServiceMonitor":
		return new(monitoring.ServiceMonitor)
	case "PrometheusRule":
		return new(monitoring.PrometheusRule)
	default:
		return nil
	}
}

// problems reads each object of a golden into its type; a field that the type lacks is an error. It counts the objects by their kind.
func problems(golden []byte) (found []string, kinds map[string]int) {
	kinds = map[string]int{}
	for object := range bytes.SplitSeq(golden, []byte("\n---\n")) {
		var head struct {
			Kind string `json:"kind"`
		}
		if err := yaml.Unmarshal(object, &head); err != nil {
			found = append(found, err.Error())
			continue
		}
		if into := typed(head.Kind); into != nil {
			kinds[head.Kind]++
			if err := yaml.UnmarshalStrict(object, into); err != nil {
				found = append(found, head.Kind+": "+err.Error())
			}
		}
	}
	return found, kinds
}

func golden(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// Whoever has these kinds knows every field of them.
func TestObjectsFitTheirTypes(t *testing.T) {
	t.Parallel()
	found, kinds := problems(golden(t, "everything.yaml"))
	for _, problem := range found {
		t.Error(problem)
	}
	if kinds["Certificate"] != 1 || kinds["ServiceMonitor"] != 1 || kinds["PrometheusRule"] < 6 {
		t.Errorf("the golden has %v", kinds)
	}
}

func TestUnknownFieldsAreFound(t *testing.T) {
	t.Parallel()
	for from, to := range map[string]string{
		"jobLabel:": "joblabels:", "rotationPolicy:": "rotationPolicies:", "expr:": "expression:",
	} {
		text := golden(t, "everything.yaml")
		broken := strings.Replace(string(text), from, to, 1)
		if found, _ := problems([]byte(broken)); broken == string(text) || len(found) != 1 {
			t.Errorf("%s for %s: %q", to, from, found)
		}
	}
}
