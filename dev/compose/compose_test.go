package compose_test

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/internal/app"
	"offboard/internal/ibmsim"
)

const root = "../.."

func load(t *testing.T) *types.Project {
	t.Helper()
	options, err := cli.NewProjectOptions([]string{filepath.Join(root, "docker-compose.yml")},
		cli.WithProfiles([]string{"*"}), cli.WithEnv([]string{"IBMCLOUD_ACCOUNT_ID=5f3e0c1d2b4a49688776655443322110"}))
	require.NoError(t, err)
	project, err := options.LoadProject(context.Background())
	require.NoError(t, err)
	return project
}

// sandbox is the project as the one command of the file's first lines reads it.
func sandbox(t *testing.T) *types.Project {
	t.Helper()
	options, err := cli.NewProjectOptions([]string{filepath.Join(root, "docker-compose.yml")},
		cli.WithEnvFiles(filepath.Join(root, sandboxDir, "env")), cli.WithDotEnv, cli.WithDefaultProfiles())
	require.NoError(t, err)
	project, err := options.LoadProject(context.Background())
	require.NoError(t, err)
	return project
}

const sandboxDir = "deploy/compose/sandbox"

func TestAnAccountMustBeNamed(t *testing.T) {
	options, err := cli.NewProjectOptions([]string{filepath.Join(root, "docker-compose.yml")})
	require.NoError(t, err)
	_, err = options.LoadProject(t.Context())
	require.ErrorContains(t, err, "the ID of the account to work on")
}

func TestEachServiceWaitsForWhatItNeeds(t *testing.T) {
	const healthy, done = "service_healthy", "service_completed_successfully"
	project := load(t)
	got := map[string]map[string]string{}
	for name, s := range project.Services {
		got[name] = map[string]string{}
		for on, d := range s.DependsOn {
			got[name][on] = d.Condition
		}
	}
	assert.Equal(t, map[string]map[string]string{
		"postgres":       {},
		"schema":         {"postgres": healthy},
		"temporal":       {"schema": done},
		"namespace":      {"temporal": healthy},
		"setup":          {"namespace": done},
		"ui":             {"namespace": done},
		"worker":         {"setup": done},
		"door":           {"setup": done},
		"codec-server":   {},
		"starter":        {"setup": done},
		"prometheus":     {},
		"otel-collector": {},
		"jaeger":         {},
		"grafana":        {"prometheus": healthy},
		"ibmcloud":       {},
	}, got)
	for name, needs := range got {
		for on, condition := range needs {
			s := project.Services[on]
			if condition == healthy {
				assert.NotNil(t, s.HealthCheck, "%s waits until %s is healthy", name, on)
			} else {
				assert.Regexp(t, `^on-failure:\d+$`, s.Restart, "%s waits until %s has ended", name, on)
			}
		}
	}
}

func TestPortsAreOfferedToThisMachineOnly(t *testing.T) {
	published := 0
	for name, s := range load(t).Services {
		for _, p := range s.Ports {
			published++
			assert.Equal(t, "127.0.0.1", p.HostIP, "%s offers port %s", name, p.Published)
		}
	}
	assert.Equal(t, 8, published, "Temporal, its Web UI, door, codec server, Prometheus, Jaeger, Grafana, the simulated cloud")
}

func TestImagesArePinned(t *testing.T) {
	pinned := regexp.MustCompile(`:v?\d+\.\d+(\.\d+)?(-\w+)?$`)
	for name, s := range load(t).Services {
		if s.Build == nil {
			assert.Regexp(t, pinned, s.Image, name)
		}
	}
	for line := range strings.Lines(read(t, "Dockerfile")) {
		if from, ok := strings.CutPrefix(line, "FROM "); ok {
			assert.Regexp(t, `^(build|\S+:(\d+\.\d+\.\d+-\w+|nonroot))( AS [\w-]+)?$`, strings.TrimSpace(from))
		}
	}
}

// What the worker's service leaves to the image is the worker.
func TestTheImageRunsTheWorker(t *testing.T) {
	_, last, found := strings.Cut(read(t, "Dockerfile"), "# Root certificates")
	require.True(t, found)
	assert.Contains(t, last, `ENTRYPOINT ["/usr/local/bin/worker"]`)
	worker := load(t).Services["worker"]
	assert.Empty(t, worker.Entrypoint)
	assert.Empty(t, worker.Command)
}

// The server and the tools that make its schema are one version, and the one the tests run on.
func TestOneTemporalVersion(t *testing.T) {
	services := load(t).Services
	version := regexp.MustCompile(`go\.temporal\.io/server v(\S+)`).FindStringSubmatch(read(t, "dev/go.mod"))[1]
	assert.Equal(t, "temporalio/server:"+version, services["temporal"].Image)
	for _, name := range []string{"schema", "namespace"} {
		assert.Equal(t, "temporalio/admin-tools:"+version, services[name].Image, name)
	}
}

func TestSecretsAreFilesAndNothingElse(t *testing.T) {
	project := load(t)
	for name, s := range project.Secrets {
		assert.NotEmpty(t, s.File, name)
	}
	telling := regexp.MustCompile(`(?i)(PASSWORD|PWD|KEY|TOKEN|SECRET)`)
	for name, s := range project.Services {
		for variable, value := range s.Environment {
			if telling.MatchString(variable) {
				require.NotNil(t, value)
				assert.Regexp(t, `^/run/secrets/`, *value, "%s of %s", variable, name)
			}
		}
		for _, used := range s.Secrets {
			assert.Contains(t, project.Secrets, used.Source, name)
		}
	}
	assert.Contains(t, read(t, ".gitignore"), "/secrets/")
}

func TestOurProgramsHaveNoMoreThanTheyNeed(t *testing.T) {
	project := load(t)
	assert.True(t, project.Networks["database"].Internal)
	for name, s := range project.Services {
		if s.Build == nil {
			continue
		}
		assert.True(t, s.ReadOnly, name)
		assert.Equal(t, []string{"ALL"}, s.CapDrop, name)
		assert.Contains(t, s.SecurityOpt, "no-new-privileges:true", name)
		assert.NotContains(t, s.Networks, "database", name)
	}
	secrets := func(service string) (names []string) {
		for _, s := range project.Services[service].Secrets {
			names = append(names, s.Source)
		}
		return names
	}
	assert.NotContains(t, secrets("door"), "engine_api_key")
	assert.NotContains(t, secrets("door"), "clusters_1_api_key")
	assert.ElementsMatch(t, []string{"codec_token", "encryption_key", "offboard.yaml"}, secrets("codec-server"))
	assert.NotContains(t, project.Services["codec-server"].Networks, "temporal")
	for _, service := range serving {
		assert.Subset(t, secrets("starter"), secrets(service), "an operator's check can read what the %s reads", service)
	}
}

// Whoever stays up is started again, and what the door and the worker must not forget is on a volume.
func TestServicesComeBackWithWhatTheyKnew(t *testing.T) {
	project := load(t)
	for name, s := range project.Services {
		assert.NotEmpty(t, s.Restart, name)
	}
	for name, target := range map[string]string{
		"postgres": "/var/lib/postgresql/data", "door": "/var/lib/offboard", "worker": "/var/lib/offboard/reports",
	} {
		kept := slices.ContainsFunc(project.Services[name].Volumes, func(v types.ServiceVolumeConfig) bool {
			return v.Type == types.VolumeTypeVolume && v.Target == target
		})
		assert.True(t, kept, name)
	}
	const drain = 25 * time.Second
	grace := project.Services["worker"].StopGracePeriod
	require.NotNil(t, grace)
	assert.Greater(t, time.Duration(*grace), drain)
}

// serving are the programs of ours that stay up.
var serving = []string{"worker", "door", "codec-server"}

// The programs answer probes and Prometheus on one address, which a program of the image asks; they send traces where the
// collector of the profile observe listens.
func TestOurProgramsTellHowTheyAre(t *testing.T) {
	project := sandbox(t)
	for _, name := range serving {
		s := project.Services[name]
		assert.Equal(t, []string{"CMD", "/usr/local/bin/worker", "--probe"}, []string(s.HealthCheck.Test), name)
		assert.Contains(t, s.Networks, "telemetry", name)
		assert.Equal(t, "http://otel-collector:4318", *s.Environment["OTEL_EXPORTER_OTLP_ENDPOINT"], name)
		assert.NotContains(t, offered(s), port(t, *s.Environment["OFFBOARD_HEALTH"]), "%s: metrics are for Prometheus alone", name)
	}
	for name, s := range load(t).Services {
		if address := s.Environment["OTEL_EXPORTER_OTLP_ENDPOINT"]; address != nil {
			assert.Empty(t, *address, "%s: nothing is sent unless somebody says where", name)
		}
	}
	assert.True(t, project.Networks["telemetry"].Internal)

	var collector struct {
		Receivers struct {
			OTLP struct {
				Protocols struct{ HTTP struct{ Endpoint string } }
			}
		}
		Exporters map[string]struct{ Endpoint string }
		Service   struct {
			Pipelines struct {
				Traces struct{ Receivers, Exporters []string }
			}
		}
	}
	given(t, project.Services["otel-collector"], "/etc/otelcol/offboard.yaml", &collector)
	assert.Equal(t, "0.0.0.0:4318", collector.Receivers.OTLP.Protocols.HTTP.Endpoint)
	require.Len(t, collector.Exporters, 1)
	for name, e := range collector.Exporters {
		assert.Equal(t, []string{name}, collector.Service.Pipelines.Traces.Exporters)
		variable := strings.TrimSuffix(strings.TrimPrefix(e.Endpoint, "${env:"), "}")
		assert.Equal(t, "http://jaeger:4318", *project.Services["otel-collector"].Environment[variable])
	}
	assert.Contains(t, project.Services, "jaeger")
}

func offered(s types.ServiceConfig) (ports []uint32) {
	for _, p := range s.Ports {
		ports = append(ports, p.Target)
	}
	return ports
}

// Prometheus asks every program where it answers, and Temporal; it loads the alerts, and Grafana asks it.
func TestPrometheusAsksWhatThereIs(t *testing.T) {
	project := sandbox(t)
	var prometheus struct {
		RuleFiles     []string `json:"rule_files"`
		ScrapeConfigs []struct {
			JobName       string                       `json:"job_name"`
			StaticConfigs []struct{ Targets []string } `json:"static_configs"`
		} `json:"scrape_configs"`
	}
	s := project.Services["prometheus"]
	file, ok := strings.CutPrefix(s.Command[0], "--config.file=")
	require.True(t, ok)
	given(t, s, file, &prometheus)
	asked := map[string]string{}
	for _, job := range prometheus.ScrapeConfigs {
		for _, c := range job.StaticConfigs {
			require.Len(t, c.Targets, 1, job.JobName)
			asked[job.JobName] = c.Targets[0]
			service, _, err := net.SplitHostPort(c.Targets[0])
			require.NoError(t, err)
			assert.Contains(t, project.Services[service].Networks, "telemetry", service)
		}
	}
	there := map[string]string{"temporal": "temporal:" + strings.TrimPrefix(*project.Services["temporal"].Environment["PROMETHEUS_ENDPOINT"], "0.0.0.0:")}
	for _, name := range serving {
		there["offboard-"+name] = name + ":" + strings.TrimPrefix(*project.Services[name].Environment["OFFBOARD_HEALTH"], "0.0.0.0:")
	}
	assert.Equal(t, there, asked)
	require.Len(t, prometheus.RuleFiles, 1)
	assert.FileExists(t, mounted(t, s, filepath.Join(filepath.Dir(file), prometheus.RuleFiles[0])))

	var sources struct {
		Datasources []struct{ Type, URL string }
	}
	given(t, project.Services["grafana"], "/etc/grafana/provisioning/datasources/offboard.yaml", &sources)
	require.Len(t, sources.Datasources, 1)
	assert.Equal(t, "http://prometheus:9090", sources.Datasources[0].URL)
	var dashboards struct {
		Providers []struct{ Options struct{ Path string } }
	}
	given(t, project.Services["grafana"], "/etc/grafana/provisioning/dashboards/offboard.yaml", &dashboards)
	require.Len(t, dashboards.Providers, 1)
	assert.FileExists(t, mounted(t, project.Services["grafana"], dashboards.Providers[0].Options.Path+"/offboard.json"))
}

// mounted is the file of ours that a container finds under a path.
func mounted(t *testing.T, s types.ServiceConfig, path string) string {
	t.Helper()
	for _, v := range s.Volumes {
		if below, ok := strings.CutPrefix(path, v.Target); ok && v.Type == types.VolumeTypeBind {
			return v.Source + below
		}
	}
	require.Failf(t, "nothing is mounted", "%s has no %s", s.Name, path)
	return ""
}

// given reads a file as a container finds it.
func given(t *testing.T, s types.ServiceConfig, path string, into any) {
	t.Helper()
	data, err := os.ReadFile(mounted(t, s, path))
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(data, into), path)
}

// Of each file there is one, the same for Compose and for everybody else.
func TestMountedFilesAreThere(t *testing.T) {
	for name, s := range sandbox(t).Services {
		for _, v := range s.Volumes {
			if v.Type != types.VolumeTypeBind {
				continue
			}
			_, err := os.Stat(v.Source)
			require.NoError(t, err, name)
			if name != "temporal" { // whose settings are Compose's own
				assert.Contains(t, v.Source, "deploy/observability/", name)
			}
			assert.True(t, v.ReadOnly, name)
		}
	}
}

// The sandbox has every file it names, points at the simulator with the simulator's own addresses, and its configuration is
// one that every program takes.
func TestTheSandboxStartsWithOneCommand(t *testing.T) {
	project := sandbox(t)
	assert.Len(t, project.Services, 14, "every profile but the operator's")
	secrets := t.TempDir()
	for name, s := range project.Secrets {
		text, err := os.ReadFile(s.File)
		require.NoError(t, err, name)
		require.NoError(t, os.WriteFile(filepath.Join(secrets, name), text, 0o600))
	}
	account, err := ibmsim.Load("sample")
	require.NoError(t, err)
	cloud := ibmsim.New(account, ibmsim.Options{})
	worker := project.Services["worker"]
	assert.Equal(t, cloud.AccountID(), *worker.Environment["IBMCLOUD_ACCOUNT_ID"])
	named := 0
	for variable, address := range cloud.Endpoints("http://ibmcloud:8400") {
		if given, there := worker.Environment[variable]; there {
			assert.Equal(t, address, *given, variable)
			named++
		}
	}
	assert.Equal(t, 6, named)

	file := filepath.Join(secrets, "offboard.yaml")
	text := strings.ReplaceAll(read(t, sandboxDir+"/offboard.yaml"), "/run/secrets", secrets)
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	env := func(service string) func(string) string {
		return func(name string) string {
			if name == "OFFBOARD_CONFIG" {
				return file
			}
			if value := project.Services[service].Environment[name]; value != nil {
				return strings.ReplaceAll(*value, "/run/secrets", secrets)
			}
			return ""
		}
	}
	config, err := app.LoadConfig("", env("worker"))
	require.NoError(t, err)
	assert.Len(t, config.Encryption.Keys, 1)
	assert.Equal(t, *project.Services["worker"].Environment["OFFBOARD_HEALTH"], config.Worker.Health, "the file says nothing else")
	triggers, err := app.LoadTriggers("", env("door"))
	require.NoError(t, err)
	codec, err := app.LoadCodecServer(env("codec-server"))
	require.NoError(t, err)
	for service, listen := range map[string]string{"door": triggers.Listen, "codec-server": codec.Listen} {
		assert.True(t, strings.HasPrefix(listen, "0.0.0.0:"), service)
		assert.Equal(t, project.Services[service].Ports[0].Target, port(t, listen), service)
	}
	assert.True(t, strings.HasPrefix(triggers.Store, project.Services["door"].Volumes[0].Target))
	assert.Equal(t, project.Services["worker"].Volumes[0].Target, config.Reports)
}

func port(t *testing.T, address string) uint32 {
	t.Helper()
	_, text, err := net.SplitHostPort(address)
	require.NoError(t, err)
	number, err := strconv.ParseUint(text, 10, 16)
	require.NoError(t, err)
	return uint32(number)
}

// What the images are built from must survive .dockerignore.
func TestTheImagesAreBuiltFromWhatTheyNeed(t *testing.T) {
	ignore := strings.Fields(read(t, ".dockerignore"))
	for dir, programs := range map[string][]string{root: {"./worker", "./starter"}, filepath.Join(root, "dev"): {"./cmd/ibmsim"}} {
		out, err := exec.CommandContext(t.Context(), "go", append([]string{"list", "-C", dir, "-deps", "-f", "{{.ImportPath}} {{.EmbedFiles}}"}, programs...)...).Output()
		require.NoError(t, err)
		for line := range strings.Lines(string(out)) {
			path, ours := strings.CutPrefix(line, "offboard/")
			if !ours {
				continue
			}
			part := strings.FieldsFunc(path, func(r rune) bool { return r == '/' || r == ' ' })
			allowed := "!" + part[0]
			if part[0] == "dev" {
				allowed = "!dev/" + part[1]
			}
			assert.Contains(t, ignore, allowed, path)
			assert.NotContains(t, line, "testdata", "of what is embedded")
		}
	}
	for _, needed := range []string{"!go.mod", "!go.sum", "!dev/go.mod", "!dev/go.sum"} {
		assert.Contains(t, ignore, needed)
	}
	for _, kept := range []string{".git", "secrets", "deploy"} {
		assert.NotContains(t, ignore, "!"+kept)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, path))
	require.NoError(t, err)
	return string(data)
}
