package e2e_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	bootstrapv3 "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	routerv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/corsgate/corsgate/e2e/harness"
	"github.com/corsgate/corsgate/envoy"
	"github.com/corsgate/corsgate/envoy/lint"
)

// istioObjects are what an example in deploy/istio holds, as far as Envoy will see it. The rest is
// for test/istio, where Istio itself reads them.
type istioObjects struct {
	patches []istioPatch
	rule    istioRule
}

type istioPatch struct {
	ApplyTo string `json:"applyTo"`
	Patch   struct {
		Operation string          `json:"operation"`
		Value     json.RawMessage `json:"value"`
	} `json:"patch"`
}

type istioRule struct {
	Host          string             `json:"host"`
	TrafficPolicy istioTrafficPolicy `json:"trafficPolicy"`
	Subsets       []struct {
		Name          string             `json:"name"`
		TrafficPolicy istioTrafficPolicy `json:"trafficPolicy"`
	} `json:"subsets"`
}

type istioTrafficPolicy struct {
	ConnectionPool struct {
		TCP struct {
			ConnectTimeout string `json:"connectTimeout"`
		} `json:"tcp"`
		HTTP struct {
			Requests uint32 `json:"http2MaxRequests"`
		} `json:"http"`
	} `json:"connectionPool"`
}

// readIstio takes the documents of an example apart.
func readIstio(tb testing.TB, path string) *istioObjects {
	tb.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	out := &istioObjects{}
	for dec := yaml.NewDecoder(bytes.NewReader(text)); ; {
		var doc struct {
			Kind string
			Spec map[string]any
		}
		if err := dec.Decode(&doc); errors.Is(err, io.EOF) {
			return out
		} else if err != nil {
			tb.Fatalf("%s: %v", path, err)
		}
		spec, err := json.Marshal(doc.Spec)
		switch doc.Kind {
		case "EnvoyFilter":
			var filter struct{ ConfigPatches []istioPatch }
			err = errors.Join(err, json.Unmarshal(spec, &filter))
			out.patches = filter.ConfigPatches
		case "DestinationRule":
			err = errors.Join(err, json.Unmarshal(spec, &out.rule))
		}
		if err != nil {
			tb.Fatalf("%s: %v", path, err)
		}
	}
}

// apply does to a bootstrap what Istio does to the configuration that it makes itself: a chain with nothing
// but the router, and a cluster of the Service and of each subset.
func (o *istioObjects) apply(tb testing.TB, b *bootstrapv3.Bootstrap, patience time.Duration) {
	tb.Helper()
	manager := &hcmv3.HttpConnectionManager{}
	config := b.GetStaticResources().GetListeners()[0].GetFilterChains()[0].GetFilters()[0].GetTypedConfig()
	router, routerErr := anypb.New(&routerv3.Router{})
	if err := errors.Join(config.UnmarshalTo(manager), routerErr); err != nil {
		tb.Fatal(err)
	}
	manager.HttpFilters = []*hcmv3.HttpFilter{{
		Name: "envoy.filters.http.router", ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: router},
	}}
	clusters := o.bare(tb, b.GetStaticResources().GetClusters()[0])
	for _, p := range o.patches {
		value := bytes.ReplaceAll(p.Patch.Value, []byte(`"message_timeout":"0.050s"`), []byte(`"message_timeout":"`+strconv.FormatFloat(patience.Seconds(), 'f', -1, 64)+`s"`))
		switch p.ApplyTo + " " + p.Patch.Operation {
		case "HTTP_FILTER INSERT_FIRST":
			f := &hcmv3.HttpFilter{}
			if err := protojson.Unmarshal(value, f); err != nil {
				tb.Fatal(err)
			}
			manager.HttpFilters = slices.Insert(manager.HttpFilters, 0, f)
		case "CLUSTER MERGE":
			patch := &clusterv3.Cluster{}
			if err := protojson.Unmarshal(value, patch); err != nil {
				tb.Fatal(err)
			}
			for _, c := range clusters {
				proto.Merge(c, patch)
			}
		default:
			tb.Fatalf("a patch of another kind: %s %s", p.ApplyTo, p.Patch.Operation)
		}
	}
	if err := config.MarshalFrom(manager); err != nil {
		tb.Fatal(err)
	}
	b.StaticResources.Clusters = slices.Replace(b.GetStaticResources().GetClusters(), 0, 2, clusters...)
}

// bare are the clusters as Istio makes them of the Service and the DestinationRule.
func (o *istioObjects) bare(tb testing.TB, ours *clusterv3.Cluster) []*clusterv3.Cluster {
	tb.Helper()
	out := []*clusterv3.Cluster{o.cluster(tb, ours, "", o.rule.TrafficPolicy)}
	for _, s := range o.rule.Subsets {
		out = append(out, o.cluster(tb, ours, s.Name, s.TrafficPolicy))
	}
	return out
}

// cluster is that of a subset, or of the whole; the short name of its statistics is for the harness.
func (o *istioObjects) cluster(tb testing.TB, ours *clusterv3.Cluster, subset string, policy istioTrafficPolicy) *clusterv3.Cluster {
	tb.Helper()
	timeout, err := time.ParseDuration(policy.ConnectionPool.TCP.ConnectTimeout)
	if err != nil {
		tb.Fatal(err)
	}
	out := proto.CloneOf(&clusterv3.Cluster{
		Name:                 "outbound|9002|" + subset + "|" + o.rule.Host,
		AltStatName:          strings.TrimSuffix(envoy.ClusterProcessor+"-"+subset, "-"),
		ClusterDiscoveryType: ours.GetClusterDiscoveryType(),
		LoadAssignment:       ours.GetLoadAssignment(),
		ConnectTimeout:       durationpb.New(timeout),
		LbPolicy:             ours.GetLbPolicy(),
		CircuitBreakers:      ours.GetCircuitBreakers(),
		OutlierDetection:     ours.GetOutlierDetection(),
		CommonLbConfig:       &clusterv3.Cluster_CommonLbConfig{HealthyPanicThreshold: ours.GetCommonLbConfig().GetHealthyPanicThreshold()},
	})
	out.LoadAssignment.ClusterName = out.GetName()
	out.CircuitBreakers.Thresholds[0].MaxRequests = wrapperspb.UInt32(policy.ConnectionPool.HTTP.Requests)
	return out
}

// istioExamples are the files of deploy/istio and their designs.
func istioExamples(tb testing.TB) map[string]envoy.Design {
	tb.Helper()
	files, err := filepath.Glob(filepath.Join(harness.RepoRoot(), "deploy", "istio", "*.yaml"))
	if err != nil || len(files) < 4 {
		tb.Fatalf("%d examples (%v), want at least 4", len(files), err)
	}
	out := map[string]envoy.Design{}
	for _, file := range files {
		out[file] = envoy.Metadata
		if strings.HasSuffix(file, "-a.yaml") {
			out[file] = envoy.TwoCallbacks
		}
	}
	return out
}

// TestIstioExamples puts the filters of each example into both Envoys in the order in which Istio would,
// and sends every vector. What Istio itself makes of them is the subject of test/istio.
func TestIstioExamples(t *testing.T) {
	t.Parallel()
	examples := istioExamples(t)
	for i, group := range harness.Corpus(t) {
		processor := harness.StartProcessor(t, harness.ProcessorOptions{Tenants: harness.WriteTenants(t, group)})
		for _, file := range slices.Sorted(maps.Keys(examples)) {
			objects, design := readIstio(t, file), examples[file]
			for _, version := range harness.EnvoyVersions(t) {
				t.Run("group "+strconv.Itoa(i)+" "+filepath.Base(file)+" "+version.Name, func(t *testing.T) {
					app := harness.StartApp(t)
					o := envoy.DefaultOptions(design)
					o.Upstream, o.Processors = app.Addr, []string{processor.Addr}
					edge := harness.StartEnvoy(t, harness.EnvoyOptions{Config: o, Binary: version.Binary, Edit: func(b *bootstrapv3.Bootstrap) {
						objects.apply(t, b, patientTimeout)
					}})
					sendVectors(t, edge, app, design, group)
				})
			}
		}
	}
}

// TestNothingFoundInIstioExamples has lint look at the same configurations.
func TestNothingFoundInIstioExamples(t *testing.T) {
	t.Parallel()
	for file, design := range istioExamples(t) {
		boot, err := envoy.Bootstrap(envoy.DefaultOptions(design))
		if err != nil {
			t.Fatal(err)
		}
		objects := readIstio(t, file)
		objects.apply(t, boot, envoy.DefaultOptions(design).MessageTimeout)
		text, err := protojson.Marshal(boot)
		if err != nil {
			t.Fatal(err)
		}
		c, err := lint.Read(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		r := lint.Check(c, lint.Options{})
		for _, f := range r.Findings {
			t.Errorf("%s: %s at %+v: %s", filepath.Base(file), f.Rule.ID, f.Place, f.Detail)
		}
		if r.Calls != 3 {
			t.Errorf("%s: lint looked at %d calls, want 3", filepath.Base(file), r.Calls)
		}
	}
}
