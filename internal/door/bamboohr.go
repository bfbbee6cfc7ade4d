package door

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// bambooBody is the part of BambooHR's event-based webhooks that is needed.
type bambooBody struct {
	Type      string `json:"type"`
	Timestamp string `json:"timestamp"` // the zone has no colon
	Data      struct {
		EmployeeID    json.RawMessage `json:"employeeId"` // text; a number is taken too
		ChangedFields []string        `json:"changedFields"`
	} `json:"data"`
}

// bambooWindow is how far the time of sending may be from ours. BambooHR tries for two and a half hours and nothing says
// that it signs again, so the window is wide; the same body has no second effect anyway.
const bambooWindow = 24 * time.Hour

// bamboohr takes BambooHR's webhooks: the signature is hex of HMAC-SHA256 of the body followed by the timestamp header.
// They say only that something has changed, so the person's status is asked for; a deleted record says nothing of the
// person.
func (d *Door) bamboohr(c *call) (any, error) {
	sent := c.Header.Get("X-BambooHR-Timestamp")
	err := proven(c.Context(), d.config.BambooHR.Secrets, func(secret string) (bool, error) {
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write(c.body)
		mac.Write([]byte(sent))
		return same(c.Header.Get("X-BambooHR-Signature"), hex.EncodeToString(mac.Sum(nil))), nil
	})
	if err != nil {
		return nil, err
	}
	if unix, err := strconv.ParseInt(sent, 10, 64); err != nil || d.now().Sub(time.Unix(unix, 0)).Abs() > bambooWindow {
		return nil, &rejected{status: http.StatusUnauthorized, text: "the time of sending is too far from now"}
	}
	if err := d.admit(bamboohrSource); err != nil {
		return nil, err
	}
	var body bambooBody
	if err := json.Unmarshal(c.body, &body); err != nil {
		return nil, &Invalid{Problems: []string{"the body is not that of an event-based BambooHR webhook"}}
	}
	if body.Type != "employee.updated" || !slices.Contains(body.Data.ChangedFields, "status") {
		return ignored(c, "it is no change of a person's status.")
	}
	e := Event{ID: bodyID(c.body), Source: bamboohrSource, Reason: "BambooHR: the status changed"}
	if e.At, err = bambooTime(body.Timestamp); err != nil {
		return nil, &Invalid{Problems: []string{`"timestamp" must be a time like "2026-01-31T18:42:00+0000"`}}
	}
	id := strings.Trim(string(body.Data.EmployeeID), `"`)
	if id == "" || id == "null" {
		return nil, &Invalid{Problems: []string{`"data.employeeId" is missing`}}
	}
	status, email, err := d.bambooPerson(c, id)
	if err != nil {
		return nil, err
	}
	switch {
	case status == "Inactive":
		e.Kind = Requested
	case status == "Active":
		e.Kind = Cancelled
	default:
		return ignored(c, "BambooHR does not know the person's status.")
	}
	if e.User = email; email == "" {
		d.misunderstood(bamboohrSource, e.ID, &Invalid{Problems: []string{"BambooHR knows no work e-mail address of employee " + id}})
		return ignored(c, "BambooHR knows no work e-mail address of this person.")
	}
	return d.event(c, e)
}

// bambooPerson asks for a person's status and work e-mail address; both are empty if the person is not there.
func (d *Door) bambooPerson(c *call, id string) (status, email string, err error) {
	address := d.config.BambooHR.API + "/api/v1/employees/" + url.PathEscape(id) + "?fields=status,workEmail"
	request, err := http.NewRequestWithContext(c.Context(), http.MethodGet, address, nil)
	if err != nil {
		return "", "", err
	}
	var answer struct {
		Status    string `json:"status"`
		WorkEmail string `json:"workEmail"`
	}
	// The key is the user; the password may be anything.
	_, err = d.callBack(c.Context(), request, d.config.BambooHR.Key, plain("x"), &answer)
	return answer.Status, answer.WorkEmail, err
}

func bambooTime(text string) (time.Time, error) {
	at, err := time.Parse("2006-01-02T15:04:05Z0700", text)
	if err != nil {
		at, err = time.Parse(time.RFC3339, text)
	}
	return at, err
}
