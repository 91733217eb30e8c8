package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"

	"github.com/corsgate/corsgate/internal/config"
)

// resolve runs the whole way of one serve command line. FILE in args and in the
// problems stands for the configuration file.
func resolve(t *testing.T, args, environ []string, file string) (config.Serve, []string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "corsgate.yaml")
	if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	flags := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	flags.ParseErrorsAllowlist.UnknownFlagsHandling = pflag.PassUnknownFlagToArgs
	var s config.Serve
	s.Bind(flags)
	config.Arm(flags)
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], "FILE", path)
	}
	if err := flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	program := []string{"origin"} // a flag of another command
	flags.VisitAll(func(f *pflag.Flag) { program = append(program, f.Name) })
	sources, problems := config.Resolve(config.Input{Flags: flags, Args: flags.Args(), Program: program, Environ: environ})
	problems = append(problems, s.Check(sources)...)
	var texts []string
	for _, p := range problems {
		texts = append(texts, strings.ReplaceAll(p.String(), path, "FILE"))
	}
	return s, texts
}

func TestPrecedence(t *testing.T) {
	file := "tenants: .\nmax_connection_age: 40m\ntls_client_san: [a, b]\n"
	tests := []struct {
		name    string
		args    []string
		environ []string
		want    time.Duration
	}{
		{"the default", []string{"--tenants=."}, nil, 30 * time.Minute},
		{"the file over the default", []string{"--config=FILE"}, nil, 40 * time.Minute},
		{"the environment over the file", []string{"--config=FILE"}, []string{"CORSGATE_MAX_CONNECTION_AGE=50m"}, 50 * time.Minute},
		{"the flag over all", []string{"--config=FILE", "--max-connection-age=60m"}, []string{"CORSGATE_MAX_CONNECTION_AGE=50m"}, 60 * time.Minute},
		{"a flag that repeats the default wins too", []string{"--config=FILE", "--max-connection-age=30m"}, []string{"CORSGATE_MAX_CONNECTION_AGE=50m"}, 30 * time.Minute},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, _ := resolve(t, tt.args, tt.environ, file)
			if s.MaxConnectionAge != tt.want {
				t.Errorf("age %s, want %s", s.MaxConnectionAge, tt.want)
			}
		})
	}
}

func TestLists(t *testing.T) {
	tests := []struct {
		name    string
		args    []string
		environ []string
		file    string
		want    []string
	}{
		{"repeated flags add up", []string{"--tls-client-san=a", "--tls-client-san=b,c"}, nil, "", []string{"a", "b", "c"}},
		{"a variable holds a comma-separated list", nil, []string{"CORSGATE_TLS_CLIENT_SAN=a,b"}, "", []string{"a", "b"}},
		{"the file holds a list", []string{"--config=FILE"}, nil, "tls_client_san: [a, b]", []string{"a", "b"}},
		{"a flag replaces the list of the file", []string{"--config=FILE", "--tls-client-san=c"}, nil, "tls_client_san: [a, b]", []string{"c"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, _ := resolve(t, tt.args, tt.environ, tt.file)
			if diff := cmp.Diff(tt.want, s.TLS.ClientSANs); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestProblems(t *testing.T) {
	tests := []struct {
		name    string
		args    []string
		environ []string
		file    string
		want    []string
	}{
		{
			name:    "every source is named, and all problems are there at once",
			args:    []string{"--config=FILE", "--max-connection-agee=3m", "--stop-timeout=soon", "--listen=0.0.0.0:9002"},
			environ: []string{"CORSGATE_MAX_STREAMS=many", "CORSGATE_TENNANTS=x", "PATH=/bin"},
			file:    "drain_dely: 3s\nlog_level: loud\nmax_connection_age: 2ms\nadmin_listen:\n",
			want: []string{
				"--max-connection-agee: there is no such flag; did you mean --max-connection-age?",
				`--stop-timeout: "soon" cannot be used; write a duration such as 25ms or 5s`,
				`CORSGATE_MAX_STREAMS: "many" cannot be used; write a whole number`,
				"CORSGATE_TENNANTS: no setting has this name; did you mean CORSGATE_TENANTS?",
				"FILE:1: drain_dely: no setting has this name; did you mean drain_delay?",
				`FILE:2: log_level: "loud" cannot be used; write one of info, debug, warn, error`,
				"FILE:4: admin_listen: the key has no value; write a value or remove the key",
				"--tenants: no tenants are named; name the file or directory of their documents by --tenants or CORSGATE_TENANTS, or their Redis by --redis or CORSGATE_REDIS",
				"--listen: 0.0.0.0:9002 can be reached from other machines and has no TLS; set --tls-cert and --tls-key, or permit it by --insecure-listen",
				"FILE:3: max_connection_age: 2ms is less than 1s; write at least 1s; the default is 30m",
			},
		},
		{
			name: "a key is given twice",
			args: []string{"--config=FILE", "--tenants=."},
			file: "drain_delay: 2ms\ndrain_delay: 3ms\n",
			want: []string{"FILE:2: drain_delay: the key stands in line 1 already; remove one of the two"},
		},
		{
			name: "a list where one value belongs, a map where a list belongs, and the file naming a file",
			args: []string{"--config=FILE", "--tenants=."},
			file: "drain_delay: [2ms]\ntls_client_san: {a: b}\nconfig: other.yaml\n",
			want: []string{
				"FILE:1: drain_delay: a single value belongs here; write a duration such as 25ms or 5s",
				"FILE:2: tls_client_san: a single value belongs here; write a list of strings",
				"FILE:3: config: no setting has this name",
			},
		},
		{
			name:    "a flag of another command, tests and Kubernetes are not mistakes",
			args:    []string{"--tenants=."},
			environ: []string{"CORSGATE_ORIGIN=https://a.example", "CORSGATE_ENVOY=/bin/envoy", "CORSGATE_REQUIRE_BROWSER=1", "CORSGATE_SERVICE_HOST=10.0.0.1", "CORSGATE_SERVICE_PORT_GRPC=9002", "CORSGATE_PORT=tcp://10.0.0.1:9002", "CORSGATE_REDIS_PORT=tcp://10.0.0.1:6379", "CORSGATE_REDIS_SERVICE_HOST=10.0.0.1", "CORSGATE_ADMIN_PORT_9003_TCP_ADDR=10.0.0.1"},
		},
		{
			name: "client certificates need a server certificate, and names need client certificates",
			args: []string{"--tenants=.", "--tls-client-ca=ca.pem"},
			want: []string{"--tls-client-ca: client certificates need a server certificate; set --tls-cert and --tls-key too"},
		},
		{
			name:    "half a key pair and names without authorities",
			args:    []string{"--tenants=.", "--tls-cert=a.pem"},
			environ: []string{"CORSGATE_TLS_CLIENT_SAN=envoy"},
			want: []string{
				"--tls-cert: the certificate has no key; set --tls-key too",
				"CORSGATE_TLS_CLIENT_SAN: names of clients are checked only when client certificates are; set --tls-client-ca too",
			},
		},
		{
			name: "plain admin pages off loopback",
			args: []string{"--tenants=.", "--admin-listen=:9003"},
			want: []string{"--admin-listen: :9003 can be reached from other machines and is plain HTTP; listen on 127.0.0.1, or permit it by --insecure-admin-listen"},
		},
		{
			name: "names of the admin pages are names",
			args: []string{"--tenants=.", "--admin-host=corsgate,gw_1.edge.svc,https://gw", "--admin-host=gw:9003", "--admin-host=*.svc"},
			want: []string{
				`--admin-host: "https://gw" is not the name of a host; write it without scheme and port`,
				`--admin-host: "gw:9003" is not the name of a host; write it without scheme and port`,
				`--admin-host: "*.svc" is not the name of a host; write it without scheme and port`,
			},
		},
		{
			name: "settings of the admin pages without them",
			args: []string{"--tenants=.", "--admin-listen=", "--admin-host=corsgate", "--admin-profiles"},
			want: []string{
				"--admin-host: it counts only with --admin-listen; set --admin-listen or remove it",
				"--admin-profiles: it counts only with --admin-listen; set --admin-listen or remove it",
			},
		},
		{
			name: "flags that permit it, IPv6 loopback and a socket are fine",
			args: []string{"--tenants=.", "--listen=[::1]:9002", "--admin-listen=0.0.0.0:9003", "--insecure-admin-listen"},
		},
		{
			name: "both homes of tenants",
			args: []string{"--tenants=.", "--redis=redis://localhost"},
			want: []string{"--tenants: the tenants are in --redis; remove one of the two; documents that decide when Redis has nothing are named by --baseline"},
		},
		{
			name:    "settings of Redis without Redis",
			args:    []string{"--tenants=.", "--config=FILE"},
			environ: []string{"CORSGATE_TTL=1m", "CORSGATE_REDIS_CLUSTER=true"},
			file:    "baseline: .\n",
			want: []string{
				"CORSGATE_REDIS_CLUSTER: it counts only with --redis; set --redis or remove it",
				"FILE:1: baseline: it counts only with --redis; set --redis or remove it",
				"CORSGATE_TTL: it counts only with --redis; set --redis or remove it",
			},
		},
		{
			name: "the defaults with Redis are fine, and so is what cannot be reached",
			args: []string{"--redis=redis://nowhere.example", "--lazy", "--baseline=."},
		},
		{
			name: "a copy that cannot be kept",
			args: []string{
				"--redis=redis://localhost", "--state-dir=FILE", "--baseline=/nowhere", "--ttl=1ms", "--max-stale=999h", "--lookup-budget=151ms", "--max-tenants=5",
			},
			want: []string{
				"--state-dir: FILE is not a directory",
				"--baseline: reading tenant documents: stat /nowhere: no such file or directory",
				"--max-tenants: it counts only with --lazy; set --lazy or remove it",
				"--ttl: 1ms is outside 1s to 1h0m0s",
				"--max-stale: 999h0m0s is outside --ttl, which is 1ms, to 720h0m0s",
				"--lookup-budget: 151ms is outside 1ms to 150ms; choose less than half of Envoy's message_timeout",
			},
		},
		{
			name: "a login for what is not recorded",
			args: []string{"--redis=redis://localhost", "--usage-redis-username=u"},
			want: []string{"--usage-redis-username: it counts only with --record-usage; set --record-usage or remove it"},
		},
		{
			name: "a recorder without a password",
			args: []string{"--redis=redis://localhost", "--record-usage", "--usage-redis-username=u"},
			want: []string{"--usage-redis-username: a user without a password cannot log in; set --usage-redis-password-file, too"},
		},
		{
			name: "a password of nobody",
			args: []string{"--redis=redis://localhost", "--record-usage", "--usage-redis-password-file=FILE"},
			want: []string{"--usage-redis-password-file: whose password it is does not stand there; set --usage-redis-username, too"},
		},
		{
			name: "a password that is nowhere",
			args: []string{"--redis=redis://localhost", "--record-usage", "--usage-redis-username=u", "--usage-redis-password-file=/nowhere"},
			want: []string{"--usage-redis-password-file: reading a password: open /nowhere: no such file or directory"},
		},
		{name: "uses are recorded by who reads the tenants", args: []string{"--redis=redis://localhost", "--record-usage"}},
		{
			name: "uses of files",
			args: []string{"--tenants=.", "--record-usage"},
			want: []string{"--record-usage: it counts only with --redis; set --redis or remove it"},
		},
		{
			name: "a cache of nothing, and older than it may be at once",
			args: []string{"--redis=redis://localhost", "--lazy", "--max-tenants=0", "--max-stale=29s"},
			want: []string{
				"--max-tenants: 0 is outside 1 to 10000000",
				"--max-stale: 29s is outside --ttl, which is 30s, to 720h0m0s",
			},
		},
		{
			name: "a socket path that is too long",
			args: []string{"--tenants=.", "--listen=unix:/" + strings.Repeat("x", 107)},
			want: []string{"--listen: the path of a Unix socket has at most 107 bytes; write host:port or unix:PATH"},
		},
		{
			name: "a file that is no mapping",
			args: []string{"--tenants=.", "--config=FILE"},
			file: "- a\n",
			want: []string{`--config: the file FILE is not a list of "key: value" lines`},
		},
		{
			name:    "a file that is not there",
			args:    []string{"--tenants=."},
			environ: []string{"CORSGATE_CONFIG=/nowhere.yaml"},
			want:    []string{"CORSGATE_CONFIG: reading the configuration file: open /nowhere.yaml: no such file or directory"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, got := resolve(t, tt.args, tt.environ, tt.file)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestVariablesAreNotTakenForKubernetes(t *testing.T) {
	var s config.Serve
	flags := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	s.Bind(flags)
	config.Arm(flags)
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Name == "config" {
			return // its value would be opened
		}
		// The name with one letter more must be refused: so the name itself is not ignored either.
		_, problems := config.Resolve(config.Input{
			Flags: flags, Environ: []string{config.Variable(f.Name) + "=x"},
		})
		if len(problems) != 1 {
			t.Errorf("%s is ignored", config.Variable(f.Name))
		}
	})
}
