package istio

import "go.yaml.in/yaml/v3"

// object is a Kubernetes object, as far as it is rendered.
type object struct {
	APIVersion string   `yaml:"apiVersion"`
	Kind       string   `yaml:"kind"`
	Metadata   metadata `yaml:"metadata"`
	Spec       any      `yaml:"spec"`
}

type metadata struct {
	Name      string `yaml:"name"`
	Namespace string `yaml:"namespace"`
}

// envoyFilter is networking.istio.io/v1alpha3 EnvoyFilter.
type envoyFilter struct {
	TargetRefs       []targetRef `yaml:"targetRefs,omitempty"`
	WorkloadSelector *labels     `yaml:"workloadSelector,omitempty"`
	ConfigPatches    []patch     `yaml:"configPatches"`
}

type targetRef struct {
	Group string `yaml:"group"`
	Kind  string `yaml:"kind"`
	Name  string `yaml:"name"`
}

type labels struct {
	Labels map[string]string `yaml:"labels"`
}

type patch struct {
	ApplyTo string `yaml:"applyTo"`
	Match   match  `yaml:"match"`
	Patch   edit   `yaml:"patch"`
}

type match struct {
	Context  string         `yaml:"context"`
	Listener *listenerMatch `yaml:"listener,omitempty"`
	Cluster  *clusterMatch  `yaml:"cluster,omitempty"`
}

type listenerMatch struct {
	FilterChain struct {
		Filter struct {
			Name string `yaml:"name"`
		} `yaml:"filter"`
	} `yaml:"filterChain"`
}

type clusterMatch struct {
	Service    string `yaml:"service"`
	PortNumber int    `yaml:"portNumber"`
}

type edit struct {
	Operation string     `yaml:"operation"`
	Value     *yaml.Node `yaml:"value"`
}

// destinationRule is networking.istio.io/v1 DestinationRule.
type destinationRule struct {
	Host          string        `yaml:"host"`
	TrafficPolicy trafficPolicy `yaml:"trafficPolicy"`
}

type trafficPolicy struct {
	LoadBalancer struct {
		Simple string `yaml:"simple"`
	} `yaml:"loadBalancer"`
	ConnectionPool struct {
		TCP struct {
			MaxConnections int    `yaml:"maxConnections"`
			ConnectTimeout string `yaml:"connectTimeout"`
		} `yaml:"tcp"`
		HTTP struct {
			HTTP1MaxPendingRequests int `yaml:"http1MaxPendingRequests"`
			HTTP2MaxRequests        int `yaml:"http2MaxRequests"`
			MaxRetries              int `yaml:"maxRetries"`
		} `yaml:"http"`
	} `yaml:"connectionPool"`
	OutlierDetection struct {
		Consecutive5xxErrors     int    `yaml:"consecutive5xxErrors"`
		ConsecutiveGatewayErrors int    `yaml:"consecutiveGatewayErrors"`
		Interval                 string `yaml:"interval"`
		BaseEjectionTime         string `yaml:"baseEjectionTime"`
		MaxEjectionPercent       int    `yaml:"maxEjectionPercent"`
		MinHealthPercent         int    `yaml:"minHealthPercent"`
	} `yaml:"outlierDetection"`
	TLS struct {
		Mode string `yaml:"mode"`
	} `yaml:"tls"`
}

// service is a Service of core/v1.
type service struct {
	Selector map[string]string `yaml:"selector"`
	Ports    []port            `yaml:"ports"`
}

type port struct {
	Name        string `yaml:"name"`
	Port        int    `yaml:"port"`
	TargetPort  int    `yaml:"targetPort"`
	AppProtocol string `yaml:"appProtocol"`
}

// peerAuthentication is security.istio.io/v1 PeerAuthentication.
type peerAuthentication struct {
	Selector struct {
		MatchLabels map[string]string `yaml:"matchLabels"`
	} `yaml:"selector"`
	MTLS struct {
		Mode string `yaml:"mode"`
	} `yaml:"mtls"`
}
