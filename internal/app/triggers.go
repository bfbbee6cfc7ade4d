package app

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"offboard/internal/door"
	"offboard/internal/offboard"
)

// Triggers is what the HTTP door is configured with, checked. It holds references to secrets, never their values.
type Triggers struct {
	File        string // where it was read from
	Account     string
	Listen      string // address, as in "127.0.0.1:8443"
	Certificate string // files; both empty: plain HTTP, for a proxy in front
	Key         string
	Store       string      // path of the door's store
	Door        door.Config // without engine, store and logger
	Redactor    *Redactor   // knows every secret that was read through this configuration
}

// fileTriggers is the form of the section in the file.
type fileTriggers struct {
	Listen      string            `json:"listen"`
	TLS         fileTLS           `json:"tls"`
	Store       string            `json:"store"`
	RequestedBy string            `json:"requestedBy"`
	Soak        offboard.Duration `json:"soak"`
	Brake       fileBrake         `json:"brake"`
	Rate        fileRate          `json:"rate"`
	Operators   []fileOperator    `json:"operators"`
	ApprovalKey string            `json:"approvalKey"`
	Webhooks    []fileSender      `json:"webhooks"`
	SCIM        fileSCIM          `json:"scim"`
	Okta        fileOkta          `json:"okta"`
	HiBob       fileHiBob         `json:"hibob"`
	BambooHR    fileBambooHR      `json:"bamboohr"`
}

type fileTLS struct {
	Certificate string `json:"certificate"`
	Key         string `json:"key"`
}

type fileBrake struct {
	Starts int               `json:"starts"`
	Window offboard.Duration `json:"window"`
}

type fileRate struct {
	PerSecond int `json:"perSecond"`
	Burst     int `json:"burst"`
}

type fileOperator struct {
	Name  string `json:"name"`
	Email string `json:"email"`
	Token string `json:"token"`
}

type fileSender struct {
	Name     string   `json:"name"`
	Secrets  []string `json:"secrets"`
	Approval string   `json:"approval"`
}

type fileSCIM struct {
	Token    []string          `json:"token"`
	Grace    offboard.Duration `json:"grace"`
	Approval string            `json:"approval"`
}

type fileOkta struct {
	Secrets  []string          `json:"secrets"`
	Grace    offboard.Duration `json:"grace"`
	Approval string            `json:"approval"`
}

type fileHiBob struct {
	Secrets  []string          `json:"secrets"`
	API      string            `json:"api"`
	User     string            `json:"user"`
	Token    string            `json:"token"`
	Grace    offboard.Duration `json:"grace"`
	Approval string            `json:"approval"`
}

type fileBambooHR struct {
	Secrets  []string `json:"secrets"`
	API      string   `json:"api"`
	Key      string   `json:"key"`
	Approval string   `json:"approval"`
}

// defaultTriggers is what holds where the file says nothing.
func defaultTriggers() fileTriggers {
	brake, rate := door.DefaultBrake(), door.DefaultRate()
	const grace = offboard.Duration(24 * time.Hour) // a suspension by mistake is found within a working day
	return fileTriggers{
		Brake: fileBrake{Starts: brake.Starts, Window: offboard.Duration(brake.Window)},
		Rate:  fileRate{PerSecond: rate.PerSecond, Burst: rate.Burst},
		SCIM:  fileSCIM{Grace: grace}, Okta: fileOkta{Grace: grace},
		HiBob: fileHiBob{Grace: grace, API: "https://api.hibob.com"},
	}
}

// LoadTriggers reads what the HTTP door needs of the YAML file and the environment; an empty path means the file that
// OFFBOARD_CONFIG names. The door needs none of IBM's keys, unless a secret of its own is in Secrets Manager. The error, if
// any, is an *InvalidConfig with every problem, each with its line.
func LoadTriggers(path string, env func(string) string) (Triggers, error) {
	c := Config{File: cmp.Or(path, env("OFFBOARD_CONFIG")), Redactor: &Redactor{}}
	t := Triggers{File: c.File, Account: env("IBMCLOUD_ACCOUNT_ID"), Redactor: c.Redactor}
	var problems []Problem
	if t.Account == "" {
		problems = append(problems, Problem{Where: "environment", Text: "IBMCLOUD_ACCOUNT_ID is not set: the account the engine works on"})
	}
	if c.File == "" {
		problems = append(problems, Problem{Where: "environment", Text: "no configuration file is named: set OFFBOARD_CONFIG to its path"})
		return Triggers{}, &InvalidConfig{Problems: problems}
	}
	data, err := os.ReadFile(c.File)
	if err != nil {
		problems = append(problems, Problem{Where: c.File, Text: "cannot be read: " + err.Error()})
		return Triggers{}, &InvalidConfig{Problems: problems}
	}
	if key, err := c.engineKey(env); err == nil { // for secrets in Secrets Manager; what is missing is said there
		c.Key = key
	}
	c.Endpoints.IAM = env("IBMCLOUD_IAM_API_ENDPOINT")
	f := fileFields{Policy: offboard.DefaultPolicy(), Worker: DefaultWorker(), Triggers: defaultTriggers()}
	d := newDocument(c.File)
	d.moved = dependentsMoved
	d.read(data, &f)
	if len(d.problems) == 0 || len(d.lines) > 0 {
		checkTriggers(d, f.Triggers, f.Policy)
		r := triggerReader{config: &c, document: d, env: env, policy: f.Policy}
		r.read(&t, f.Triggers)
	}
	if problems = append(d.sorted(), problems...); len(problems) > 0 {
		return Triggers{}, &InvalidConfig{Problems: problems}
	}
	return t, nil
}

// triggerReader makes the configuration of a door.
type triggerReader struct {
	config   *Config
	document *document
	env      func(string) string
	policy   offboard.Policy
}

func (r triggerReader) read(t *Triggers, f fileTriggers) {
	if r.document.lines["triggers"] == 0 {
		r.document.problem("triggers", "triggers is missing: it says who may knock at the door")
		return
	}
	t.Listen, t.Certificate, t.Key, t.Store = f.Listen, f.TLS.Certificate, f.TLS.Key, f.Store
	t.Door = door.Config{RequestedBy: f.RequestedBy, Soak: f.Soak,
		Brake: door.Brake{Starts: f.Brake.Starts, Window: f.Brake.Window.Std()}, Rate: door.Rate{PerSecond: f.Rate.PerSecond, Burst: f.Rate.Burst}}
	for i, o := range f.Operators {
		at := fmt.Sprintf("triggers.operators[%d].token", i)
		t.Door.Operators = append(t.Door.Operators, door.Operator{Name: o.Name, Email: o.Email, Token: r.secret(at, o.Token, longEnough)})
	}
	if f.ApprovalKey != "" {
		t.Door.ApprovalKey = r.secret("triggers.approvalKey", f.ApprovalKey, r.approvalKey)
	}
	for i, w := range f.Webhooks {
		at := fmt.Sprintf("triggers.webhooks[%d].secrets", i)
		t.Door.Webhooks = append(t.Door.Webhooks, door.Webhook{Name: w.Name, Secrets: r.secrets(at, w.Secrets, webhookSecret), Approval: w.Approval})
	}
	given := func(name string) bool { return r.document.lines["triggers."+name] > 0 }
	if given("scim") {
		t.Door.SCIM = &door.SCIM{Tokens: r.secrets("triggers.scim.token", f.SCIM.Token, longEnough), Grace: f.SCIM.Grace.Std(), Approval: f.SCIM.Approval}
	}
	if given("okta") {
		t.Door.Okta = &door.Okta{Secrets: r.secrets("triggers.okta.secrets", f.Okta.Secrets, longEnough), Grace: f.Okta.Grace.Std(), Approval: f.Okta.Approval}
	}
	if given("hibob") {
		t.Door.HiBob = &door.HiBob{Secrets: r.secrets("triggers.hibob.secrets", f.HiBob.Secrets, longEnough), API: strings.TrimSuffix(f.HiBob.API, "/"),
			User: r.secret("triggers.hibob.user", f.HiBob.User, nil), Token: r.secret("triggers.hibob.token", f.HiBob.Token, nil),
			Grace: f.HiBob.Grace.Std(), Approval: f.HiBob.Approval}
	}
	if given("bamboohr") {
		t.Door.BambooHR = &door.BambooHR{Secrets: r.secrets("triggers.bamboohr.secrets", f.BambooHR.Secrets, longEnough),
			API: strings.TrimSuffix(f.BambooHR.API, "/"), Key: r.secret("triggers.bamboohr.key", f.BambooHR.Key, nil), Approval: f.BambooHR.Approval}
	}
	if len(t.Door.Webhooks) == 0 && !given("scim") && !given("okta") && !given("hibob") && !given("bamboohr") {
		r.document.problem("triggers", "triggers names no sender: webhooks, scim, okta, hibob or bamboohr")
	}
}

// approvalKey refuses a key whose approvals no run would take.
func (r triggerReader) approvalKey(value string) error {
	key, err := door.ParseApprovalKey(value)
	if err != nil {
		return err
	}
	if public := door.ApproverKey(key); !slices.Contains(r.policy.ApproverKeys, public) {
		return fmt.Errorf("belongs to the public key %q: add that to policy.approverKeys, or runs refuse what it vouches for", public)
	}
	return nil
}

// secrets reads references to several secrets, of which there must be one.
func (r triggerReader) secrets(at string, references []string, check func(string) error) []door.Secret {
	if len(references) == 0 {
		r.document.problem(at, "%s names no secret", at)
	}
	list := make([]door.Secret, len(references))
	for i, text := range references {
		list[i] = r.secret(fmt.Sprintf("%s[%d]", at, i), text, check)
	}
	return list
}

// secret reads one reference. The value is checked too where it can be read without asking a service.
func (r triggerReader) secret(at, reference string, check func(string) error) door.Secret {
	secret, err := r.config.reference(reference, r.env)
	if err != nil {
		r.document.problem(at, "%s %v", at, err)
		return nil
	}
	if strings.HasPrefix(reference, "secrets-manager:") {
		if r.config.Key.IsZero() {
			r.document.problem(at, "%s is in Secrets Manager, but there is no API key to read it with: set IC_API_KEY or IC_API_KEY_FILE", at)
		}
		return secret.Read
	}
	value, err := secret.Read(context.Background())
	if err == nil && check != nil {
		err = check(value)
	}
	if err != nil {
		r.document.problem(at, "%s %v", at, err)
	}
	return secret.Read
}
