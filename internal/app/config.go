package app

import (
	"cmp"
	"context"
	"fmt"
	"net/mail"
	"net/url"
	"os"
	"strings"
	"time"

	"offboard/internal/ibmcloud"
	"offboard/internal/offboard"
)

// Config is everything the worker must be told, checked. It holds references to secrets, never their values.
type Config struct {
	File          string // where it was read from
	Account       string
	Key           Secret // the engine's own API key
	FunctionalIDs []FunctionalID
	Endpoints     ibmcloud.Endpoints
	Policy        offboard.Policy
	Reports       string // directory for finished reports; empty: they stay in the run's result only
	Signer        Signer // signs the reports that are kept; its zero value signs none
	Worker        WorkerConfig
	Notifications Notifications
	Encryption    Encryption
	Deployment    Deployment
	Redactor      *Redactor // knows every secret that was read through this configuration
}

// FunctionalID is an identity that may take over scopes.
type FunctionalID struct {
	Email string
	Key   Secret
}

// WorkerConfig bounds the worker.
type WorkerConfig struct {
	// MaxConcurrentActivities bounds the activities that are under way at once.
	MaxConcurrentActivities int `json:"maxConcurrentActivities"`
	// MaxConcurrentWorkflowTasks bounds the workflow tasks that are worked on at once; zero means the SDK's default.
	MaxConcurrentWorkflowTasks int `json:"maxConcurrentWorkflowTasks"`
	// ContainersCalls is how many requests this worker sends to IBM's containers API in 10 seconds; zero: as many as come.
	ContainersCalls int `json:"containersCalls"`
	// Drain is how long calls under way may go on after the worker was told to stop.
	Drain offboard.Duration `json:"drain"`
	// Health is the address for /livez, /readyz and /metrics, as in "127.0.0.1:8080"; empty: that in OFFBOARD_HEALTH, if any.
	Health string `json:"health"`
}

// Deployment names the build for Worker Deployment Versioning; both empty: the worker is not versioned.
type Deployment struct{ Name, BuildID string }

// Versioned tells whether both names are given.
func (d Deployment) Versioned() bool { return d.Name != "" && d.BuildID != "" }

// InvalidConfig lists everything that is wrong with a configuration at once.
type InvalidConfig struct{ Problems []Problem }

// Error implements error: one line a problem.
func (e *InvalidConfig) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// fileFields is the form of the file.
type fileFields struct {
	FunctionalIDs []fileFunctionalID       `json:"functionalIds"`
	Policy        offboard.Policy          `json:"policy"`
	Dependents    []offboard.DependentRule `json:"dependents"`
	Reports       fileReports              `json:"reports"`
	Worker        WorkerConfig             `json:"worker"`
	Notifications fileNotifications        `json:"notifications"`
	Triggers      fileTriggers             `json:"triggers"`
	Encryption    fileEncryption           `json:"encryption"`
}

// dependentsMoved says where the file names what the policy holds besides.
var dependentsMoved = map[string]string{"policy.dependents": "name them under dependents, at the outermost level"}

type fileFunctionalID struct {
	Email  string `json:"email"`
	APIKey string `json:"apiKey"`
}

type fileReports struct {
	Directory  string `json:"directory"`
	SigningKey string `json:"signingKey"`
}

// DefaultWorker is what holds where the file says nothing of the worker.
func DefaultWorker() WorkerConfig {
	return WorkerConfig{
		// Most of them wait for an effect and cost a few kilobytes. More would only queue in here, instead of in Temporal,
		// which knows whose turn is first.
		MaxConcurrentActivities: 500,
		// IBM's containers API takes 200 from one address; people use it, too.
		ContainersCalls: 190,
		// Longer than any single call to IBM may take, shorter than the 30 seconds Kubernetes gives a pod to end.
		Drain: offboard.Duration(25 * time.Second),
	}
}

// LoadConfig reads the YAML file and the environment. An empty path means the file that OFFBOARD_CONFIG names. The
// error, if any, is an *InvalidConfig with every problem, each with its line.
func LoadConfig(path string, env func(string) string) (Config, error) {
	if path == "" {
		path = env("OFFBOARD_CONFIG")
	}
	c := Config{File: path, Redactor: &Redactor{}}
	problems := c.fromEnvironment(env)
	problems = append(c.fromFile(env), problems...)
	if len(problems) > 0 {
		return Config{}, &InvalidConfig{Problems: problems}
	}
	return c, nil
}

func (c *Config) fromFile(env func(string) string) []Problem {
	if c.File == "" {
		return []Problem{{Where: "environment", Text: "no configuration file is named: set OFFBOARD_CONFIG to its path"}}
	}
	data, err := os.ReadFile(c.File)
	if err != nil {
		return []Problem{{Where: c.File, Text: "cannot be read: " + err.Error()}}
	}
	f := fileFields{Policy: offboard.DefaultPolicy(), Worker: DefaultWorker(), Encryption: defaultEncryption()}
	d := newDocument(c.File)
	d.moved = dependentsMoved
	d.read(data, &f)
	c.Policy, c.Reports, c.Worker = f.Policy, f.Reports.Directory, f.Worker
	c.Worker.Health = cmp.Or(c.Worker.Health, env(healthAddress))
	c.Policy.Dependents = f.Dependents
	if len(d.problems) == 0 || len(d.lines) > 0 {
		c.functionalIDs(d, f, env)
		checkPolicy(d, c.Policy)
		checkFallback(d, f)
		checkApprovers(d, c.Policy)
		checkDependents(d, f.Dependents)
		checkWorker(d, c.Worker)
		c.signer(d, f.Reports, env)
		c.notifications(d, f.Notifications, env)
		checkTriggers(d, f.Triggers, c.Policy)
		c.encryption(d, f.Encryption, env)
	}
	return d.sorted()
}

func (c *Config) functionalIDs(d *document, f fileFields, env func(string) string) {
	if len(f.FunctionalIDs) == 0 {
		d.problem("functionalIds", "functionalIds names nobody: clusters need somebody to be handed over to")
	}
	first := map[string]int{}
	for i, id := range f.FunctionalIDs {
		at := fmt.Sprintf("functionalIds[%d]", i)
		switch address, err := mail.ParseAddress(id.Email); {
		case id.Email == "":
			d.problem(at, "%s has no email", at)
		case err != nil || address.Address != id.Email:
			d.problem(at+".email", "%s.email %q is not an e-mail address", at, id.Email)
		}
		low := strings.ToLower(id.Email)
		if j, twice := first[low]; twice && low != "" {
			d.problem(at+".email", "%s.email is %s again, as in functionalIds[%d]", at, id.Email, j)
		}
		first[low] = i
		key, err := c.reference(id.APIKey, env)
		if err != nil {
			d.problem(at+".apiKey", "%s.apiKey %v", at, err)
			continue
		}
		c.FunctionalIDs = append(c.FunctionalIDs, FunctionalID{Email: id.Email, Key: key})
	}
}

func (c *Config) signer(d *document, f fileReports, env func(string) string) {
	if f.SigningKey == "" {
		return
	}
	if f.Directory == "" {
		d.problem("reports.signingKey", "reports.signingKey signs what is kept in reports.directory, which is missing")
	}
	key, err := c.reference(f.SigningKey, env)
	if err != nil {
		d.problem("reports.signingKey", "reports.signingKey %v", err)
		return
	}
	c.Signer = NewSigner(key)
}

// reference makes a Secret of "env:NAME", "file:PATH" or "secrets-manager:CRN". What can be told without asking a
// service is told now. The error never shows the text: somebody may have written the key itself.
func (c *Config) reference(text string, env func(string) string) (Secret, error) {
	scheme, rest, found := strings.Cut(text, ":")
	switch {
	case text == "":
		return Secret{}, fmt.Errorf("is missing: write env:NAME, file:PATH or secrets-manager:CRN")
	case !found || rest == "":
		return Secret{}, fmt.Errorf("is not a reference: write env:NAME, file:PATH or secrets-manager:CRN, never the key itself")
	}
	switch scheme {
	case "env":
		if strings.TrimSpace(env(rest)) == "" {
			return Secret{}, fmt.Errorf("refers to the environment variable %s, which is not set", rest)
		}
		c.Redactor.Add(strings.TrimSpace(env(rest)))
		return NewSecret(text, c.Redactor, fromEnv(rest, env)), nil
	case "file":
		secret := NewSecret(text, c.Redactor, fromFile(rest))
		if _, err := secret.Read(context.Background()); err != nil {
			return Secret{}, fmt.Errorf("cannot be used: %w", err)
		}
		return secret, nil
	case "secrets-manager":
		place, err := parseSecretCRN(rest)
		if err != nil {
			return Secret{}, err
		}
		v := vault{key: c.Key, iam: c.Endpoints.IAM, endpoint: env("IBMCLOUD_SECRETS_MANAGER_API_ENDPOINT")}
		return NewSecret(text, c.Redactor, v.read(place)), nil
	}
	return Secret{}, fmt.Errorf("has an unknown kind of reference: write env:NAME, file:PATH or secrets-manager:CRN, never the key itself")
}

// fromEnvironment reads what IBM's own tools read from the environment.
func (c *Config) fromEnvironment(env func(string) string) []Problem {
	var list []Problem
	add := func(format string, args ...any) {
		list = append(list, Problem{Where: "environment", Text: fmt.Sprintf(format, args...)})
	}
	if c.Account = env("IBMCLOUD_ACCOUNT_ID"); c.Account == "" {
		add("IBMCLOUD_ACCOUNT_ID is not set: the account the engine works on")
	}
	key, err := c.engineKey(env)
	if err != nil {
		add("%v", err)
	}
	c.Key = key
	for _, e := range []struct {
		name string
		into *string
	}{
		{"IBMCLOUD_IAM_API_ENDPOINT", &c.Endpoints.IAM},
		{"IBMCLOUD_USER_MANAGEMENT_ENDPOINT", &c.Endpoints.UserManagement},
		{"IBMCLOUD_RESOURCE_MANAGEMENT_API_ENDPOINT", &c.Endpoints.ResourceManagement},
		{"IBMCLOUD_ACCOUNT_MANAGEMENT_API_ENDPOINT", &c.Endpoints.Accounts},
		{"IBMCLOUD_GS_API_ENDPOINT", &c.Endpoints.GlobalSearch},
		{"IBMCLOUD_CS_API_ENDPOINT", &c.Endpoints.Containers},
	} {
		text := env(e.name)
		if text == "" {
			continue
		}
		u, err := url.Parse(text)
		if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
			add("%s is not a URL like https://host", e.name)
			continue
		}
		*e.into = strings.TrimSuffix(text, "/")
	}
	c.Deployment = Deployment{Name: env("TEMPORAL_DEPLOYMENT_NAME"), BuildID: env("TEMPORAL_WORKER_BUILD_ID")}
	if (c.Deployment.Name == "") != (c.Deployment.BuildID == "") {
		add("TEMPORAL_DEPLOYMENT_NAME and TEMPORAL_WORKER_BUILD_ID belong together: set both or neither")
	}
	return list
}

// engineKey finds the engine's own key under the names that IBM's Terraform provider reads, in its order, each also as
// the name of a file.
func (c *Config) engineKey(env func(string) string) (Secret, error) {
	for _, name := range []string{"IC_API_KEY", "IBMCLOUD_API_KEY"} {
		if value := strings.TrimSpace(env(name)); value != "" {
			c.Redactor.Add(value)
			return NewSecret("env:"+name, c.Redactor, fromEnv(name, env)), nil
		}
		if file := env(name + "_FILE"); file != "" {
			secret := NewSecret("file:"+file, c.Redactor, fromFile(file))
			if _, err := secret.Read(context.Background()); err != nil {
				return Secret{}, fmt.Errorf("%s_FILE cannot be used: %w", name, err)
			}
			return secret, nil
		}
	}
	return Secret{}, fmt.Errorf("no API key of the engine: set IC_API_KEY or IBMCLOUD_API_KEY, or one of them with _FILE to the path of a file that holds it")
}
