package registry

import (
	"encoding/json"
	"net/http"

	"github.com/fairlead/fairlead"
)

// failures is the error body of the OCI distribution API.
type failures struct {
	Errors []failure `json:"errors"`
}

type failure struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	writeJSON(w, status, failures{[]failure{{code, message}}})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client is gone if this fails, and nobody is left to tell
}

func (c *catalogue) unknown(name string) string {
	if name == fairlead.ImageRepository && c.noImage != "" {
		return "this hub has no image to serve: " + c.noImage
	}
	return "this hub does not serve " + name
}

type tagList struct {
	Name string   `json:"name"`
	Tags []string `json:"tags"`
}
