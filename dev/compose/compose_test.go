package compose_test

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const root = "../.."

func load(t *testing.T) *types.Project {
	t.Helper()
	options, err := cli.NewProjectOptions([]string{filepath.Join(root, "docker-compose.yml")},
		cli.WithEnv([]string{"IBMCLOUD_ACCOUNT_ID=5f3e0c1d2b4a49688776655443322110"}))
	require.NoError(t, err)
	project, err := options.LoadProject(context.Background())
	require.NoError(t, err)
	return project
}

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
		"postgres":  {},
		"schema":    {"postgres": healthy},
		"temporal":  {"schema": done},
		"namespace": {"temporal": healthy},
		"setup":     {"namespace": done},
		"ui":        {"namespace": done},
		"worker":    {"setup": done},
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
	assert.Equal(t, 2, published, "Temporal and its Web UI")
}

func TestImagesArePinned(t *testing.T) {
	pinned := regexp.MustCompile(`:\d+\.\d+(\.\d+)?(-\w+)?$`)
	for name, s := range load(t).Services {
		if s.Build == nil {
			assert.Regexp(t, pinned, s.Image, name)
		}
	}
	for line := range strings.Lines(read(t, "Dockerfile")) {
		if from, ok := strings.CutPrefix(line, "FROM "); ok {
			assert.Regexp(t, `:(\d+\.\d+\.\d+-\w+|nonroot)( AS build)?$`, strings.TrimSpace(from))
		}
	}
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

func TestTheWorkerHasNoMoreThanItNeeds(t *testing.T) {
	w := load(t).Services["worker"]
	assert.True(t, w.ReadOnly)
	assert.Equal(t, []string{"ALL"}, w.CapDrop)
	assert.NotContains(t, w.Networks, "database")
	assert.True(t, load(t).Networks["database"].Internal)
}

// What the image is built from must survive .dockerignore.
func TestTheImageIsBuiltFromTheProductOnly(t *testing.T) {
	ignore := strings.Fields(read(t, ".dockerignore"))
	for _, needed := range []string{"go.mod", "go.sum", "activities", "internal", "starter", "worker", "workflows"} {
		assert.Contains(t, ignore, "!"+needed)
	}
	assert.NotContains(t, ignore, "!dev")
	assert.Contains(t, read(t, "Dockerfile"), "nonroot")
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, path))
	require.NoError(t, err)
	return string(data)
}
