package app

import (
	"encoding/base64"
	"fmt"
	"net"
	"net/mail"
	"net/url"
	"regexp"
	"strings"

	"offboard/internal/offboard"
)

// webhookName is what can stand in a path as it is.
var webhookName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)

// checkTriggers checks what can be told without the secrets, which only the door has.
func checkTriggers(d *document, t fileTriggers, p offboard.Policy) {
	check := triggerChecker{d, p}
	if d.lines["triggers"] == 0 {
		return
	}
	if _, _, err := net.SplitHostPort(t.Listen); err != nil {
		d.problem("triggers.listen", "triggers.listen %q is not an address like 127.0.0.1:8443", t.Listen)
	}
	if (t.TLS.Certificate == "") != (t.TLS.Key == "") {
		d.problem("triggers.tls", "triggers.tls.certificate and triggers.tls.key belong together: set both or neither")
	}
	if t.Store == "" {
		d.problem("triggers.store", "triggers.store is missing: the path of the file in which the door keeps what it must not forget")
	}
	check.email("triggers.requestedBy", t.RequestedBy)
	if d.lines["triggers.soak"] > 0 && t.Soak < p.MinimumSoak {
		d.problem("triggers.soak", "triggers.soak %s is shorter than policy.minimumSoak %s: runs would refuse it", t.Soak, p.MinimumSoak)
	}
	// A worker that reads the file has no defaults for what only the door uses.
	if d.lines["triggers.brake.starts"] > 0 && t.Brake.Starts < 1 {
		d.problem("triggers.brake.starts", "triggers.brake.starts must be at least 1")
	}
	if d.lines["triggers.brake.window"] > 0 && t.Brake.Window <= 0 {
		d.problem("triggers.brake.window", "triggers.brake.window must be longer than zero")
	}
	for name, n := range map[string]int{"perSecond": t.Rate.PerSecond, "burst": t.Rate.Burst} {
		if at := "triggers.rate." + name; d.lines[at] > 0 && n < 1 {
			d.problem(at, "%s must be at least 1", at)
		}
	}
	first := map[string]int{}
	for i, w := range t.Webhooks {
		at := fmt.Sprintf("triggers.webhooks[%d]", i)
		if !webhookName.MatchString(w.Name) {
			d.problem(at+".name", "%s.name %q must be lower-case letters, digits and hyphens: it is part of the path", at, w.Name)
		}
		if j, twice := first[w.Name]; twice && w.Name != "" {
			d.problem(at+".name", "%s.name is %s again, as in triggers.webhooks[%d]", at, w.Name, j)
		}
		first[w.Name] = i
		check.approval(at, w.Approval)
	}
	for i, o := range t.Operators {
		check.email(fmt.Sprintf("triggers.operators[%d].email", i), o.Email)
	}
	check.senders(t)
}

type triggerChecker struct {
	*document
	policy offboard.Policy
}

func (c triggerChecker) senders(t fileTriggers) {
	for at, approval := range map[string]string{"triggers.scim": t.SCIM.Approval, "triggers.okta": t.Okta.Approval,
		"triggers.hibob": t.HiBob.Approval, "triggers.bamboohr": t.BambooHR.Approval} {
		c.approval(at, approval)
	}
	for at, grace := range map[string]offboard.Duration{"triggers.scim.grace": t.SCIM.Grace, "triggers.okta.grace": t.Okta.Grace, "triggers.hibob.grace": t.HiBob.Grace} {
		if grace < 0 {
			c.problem(at, "%s is negative", at)
		}
	}
	if c.lines["triggers.hibob.api"] > 0 {
		c.base("triggers.hibob.api", t.HiBob.API)
	}
	if c.lines["triggers.bamboohr"] > 0 {
		c.base("triggers.bamboohr.api", t.BambooHR.API)
	}
}

func (c triggerChecker) email(at, text string) {
	if a, err := mail.ParseAddress(text); err != nil || a.Address != text {
		c.problem(at, "%s %q is not an e-mail address", at, text)
	}
}

func (c triggerChecker) base(at, text string) {
	if u, err := url.Parse(text); err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
		c.problem(at, "%s %q is not a URL like https://host", at, text)
	}
}

func (c triggerChecker) approval(at, text string) {
	at += ".approval"
	switch {
	case text != "" && text != offboard.ApprovalRequired && text != offboard.ApprovalNone:
		c.problem(at, "%s is %q: it must be %q or %q", at, text, offboard.ApprovalRequired, offboard.ApprovalNone)
	case text == offboard.ApprovalNone && !c.policy.AllowUnapproved:
		c.problem(at, "%s is %q, which policy.allowUnapproved does not permit", at, text)
	}
}

// longEnough refuses what could be guessed.
func longEnough(value string) error {
	const least = 16
	if len(value) < least {
		return fmt.Errorf("is a secret of %d characters: it needs %d at least", len(value), least)
	}
	return nil
}

// webhookSecret checks the form that the Standard Webhooks specification gives secrets: base64 of 24 to 64 bytes.
func webhookSecret(value string) error {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(value, "whsec_"))
	if err != nil || len(key) < 24 || len(key) > 64 {
		return fmt.Errorf("is no secret of a Standard Webhook: whsec_ and the base64 of 24 to 64 bytes")
	}
	return nil
}
