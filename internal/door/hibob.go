package door

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// hibobBody is the part of HiBob's webhooks, version 2, that is needed. Besides the ID of the person they tell nothing.
type hibobBody struct {
	Type        string `json:"type"`
	TriggeredAt string `json:"triggeredAt"` // without a zone; taken for UTC (inferred)
	Data        struct {
		EmployeeID json.RawMessage `json:"employeeId"` // text; a number is taken too
		Email      string          `json:"email"`      // of employee.deleted only: the person can no longer be asked for
	} `json:"data"`
}

// hibobMeanings are the types of events that are understood. employee.inactivated comes for a leave too, so it is soft.
var hibobMeanings = map[string]struct {
	kind Kind
	soft bool
}{
	"employee.left":        {Requested, false},
	"employee.deleted":     {Requested, false},
	"employee.inactivated": {Requested, true},
	"employee.activated":   {Cancelled, false},
}

// hibob takes HiBob's webhooks: the signature is base64 of HMAC-SHA512 of the body. They have no ID, so the body is it.
func (d *Door) hibob(c *call) (any, error) {
	err := proven(c.Context(), d.config.HiBob.Secrets, func(secret string) (bool, error) {
		mac := hmac.New(sha512.New, []byte(secret))
		mac.Write(c.body)
		return same(c.Header.Get("Bob-Signature"), base64.StdEncoding.EncodeToString(mac.Sum(nil))), nil
	})
	if err != nil {
		return nil, err
	}
	if err := d.admit(hibobSource); err != nil {
		return nil, err
	}
	if ping := strings.Trim(strings.TrimSpace(string(c.body)), `"`); ping == "Ping test" {
		return ignored(c, "this is the test of the set-up.")
	}
	var body hibobBody
	if err := json.Unmarshal(c.body, &body); err != nil {
		return nil, &Invalid{Problems: []string{"the body is not that of a HiBob webhook, version 2"}}
	}
	meaning, known := hibobMeanings[body.Type]
	if !known {
		return ignored(c, "events of this type say nothing about who leaves.")
	}
	e := Event{ID: bodyID(c.body), Source: hibobSource, Kind: meaning.kind, Soft: meaning.soft, User: body.Data.Email, Reason: "HiBob: " + body.Type}
	if e.At, err = localTime(body.TriggeredAt); err != nil {
		return nil, &Invalid{Problems: []string{`"triggeredAt" must be a time like "2026-01-31T00:00:00.000000"`}}
	}
	if e.Soft {
		e.LastDay = e.At.Add(d.config.HiBob.Grace)
	}
	if e.User == "" {
		id := strings.Trim(string(body.Data.EmployeeID), `"`)
		if id == "" || id == "null" {
			return nil, &Invalid{Problems: []string{`"data.employeeId" is missing`}}
		}
		email, err := d.hibobEmail(c, id)
		if err != nil {
			return nil, err
		}
		if email == "" {
			d.misunderstood(hibobSource, e.ID, &Invalid{Problems: []string{"HiBob knows no e-mail address of employee " + id}})
			return ignored(c, "HiBob knows no e-mail address of this person.")
		}
		e.User = email
	}
	return d.event(c, e)
}

// hibobEmail asks for a person's e-mail address; empty if there is none. People who have left are only found if they are
// asked for.
func (d *Door) hibobEmail(c *call, id string) (string, error) {
	query, err := json.Marshal(map[string]any{
		"fields": []string{"root.id", "root.email"}, "showInactive": true,
		"filters": []map[string]any{{"fieldPath": "root.id", "operator": "equals", "values": []string{id}}},
	})
	if err != nil {
		return "", err
	}
	request, err := http.NewRequestWithContext(c.Context(), http.MethodPost, d.config.HiBob.API+"/v1/people/search", bytes.NewReader(query))
	if err != nil {
		return "", err
	}
	request.Header.Set("Content-Type", "application/json")
	var answer struct {
		Employees []map[string]any `json:"employees"`
	}
	found, err := d.callBack(c.Context(), request, d.config.HiBob.User, d.config.HiBob.Token, &answer)
	if err != nil || !found || len(answer.Employees) != 1 {
		return "", err
	}
	// Fields are named by their path, in one of two spellings, or by its last part; their values stand by themselves or in
	// an object.
	const path = "root.email"
	for _, name := range []string{"email", path, "/" + strings.ReplaceAll(path, ".", "/")} {
		value := answer.Employees[0][name]
		if object, yes := value.(map[string]any); yes {
			value = object["value"]
		}
		if text, yes := value.(string); yes && text != "" {
			return text, nil
		}
	}
	return "", nil
}

// localTime reads a time that may lack its zone.
func localTime(text string) (time.Time, error) {
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		at, err = time.Parse("2006-01-02T15:04:05", text)
	}
	return at, err
}
