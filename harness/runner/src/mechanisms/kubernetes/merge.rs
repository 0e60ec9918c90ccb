//! Values of objects: turned from what they were into what is wanted, and exactly back.

use serde_json::{Map, Value};

/// Turns what differs between `from` and `to`, and leaves all else of `current` as it is, so that what others have
/// changed meanwhile stays. What has been turned already may be so.
///
/// # Errors
/// When a place that differs holds neither value: that place, such as `spec.containers[0].image`.
pub(super) fn turn(current: &Value, from: &Value, to: &Value) -> Result<Value, String> {
    let turned = turn_at("", Some(current), Some(from), Some(to))?;
    Ok(turned.unwrap_or(Value::Null))
}

fn turn_at(
    place: &str,
    current: Option<&Value>,
    from: Option<&Value>,
    to: Option<&Value>,
) -> Result<Option<Value>, String> {
    if from == to {
        return Ok(current.cloned());
    }
    if current == to || current == from {
        return Ok(to.cloned());
    }
    match (current, from, to) {
        (Some(Value::Object(now)), from, to) if all_objects(from, to) => {
            let (from, to) = (object(from), object(to));
            let mut turned = Map::new();
            let others = to.keys().filter(|key| !now.contains_key(*key));
            for key in now.keys().chain(others) {
                let inner = match place.is_empty() {
                    true => key.clone(),
                    false => format!("{place}.{key}"),
                };
                if let Some(value) = turn_at(&inner, now.get(key), from.get(key), to.get(key))? {
                    turned.insert(key.clone(), value);
                }
            }
            Ok(Some(turned.into()))
        }
        (Some(Value::Array(now)), Some(Value::Array(from)), Some(Value::Array(to)))
            if now.len() == from.len() && now.len() == to.len() =>
        {
            let mut turned = Vec::new();
            for (index, value) in now.iter().enumerate() {
                let inner = format!("{place}[{index}]");
                let value = turn_at(&inner, Some(value), from.get(index), to.get(index))?;
                turned.extend(value);
            }
            Ok(Some(turned.into()))
        }
        (_, _, _) => Err(place.to_string()),
    }
}

/// A missing object counts as an empty one: labels that others have added meanwhile make one of it.
fn all_objects(from: Option<&Value>, to: Option<&Value>) -> bool {
    let fits = |it: Option<&Value>| it.is_none_or(Value::is_object);
    fits(from) && fits(to)
}

fn object(value: Option<&Value>) -> Map<String, Value> {
    let map = value.and_then(Value::as_object);
    map.cloned().unwrap_or_default()
}

/// The JSON merge patch (RFC 7386) that makes `to` of `from`.
pub(super) fn merge_patch(from: &Value, to: &Value) -> Value {
    let (Value::Object(from), Value::Object(to)) = (from, to) else {
        return to.clone();
    };
    let mut patch = Map::new();
    for (key, value) in to {
        match from.get(key) {
            Some(before) if before == value => {}
            Some(before) => {
                patch.insert(key.clone(), merge_patch(before, value));
            }
            None => {
                patch.insert(key.clone(), value.clone());
            }
        }
    }
    for key in from.keys().filter(|key| !to.contains_key(*key)) {
        patch.insert(key.clone(), Value::Null);
    }
    Value::Object(patch)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn template(image: &str, annotations: Value) -> Value {
        json!({"metadata": {"annotations": annotations}, "spec": {"containers": [{"name": "a", "image": image}, {"name": "b"}]}})
    }

    #[test]
    fn a_value_is_turned_and_turned_back_beside_what_others_changed() {
        let before = template("e:1", json!({}));
        let ours = template("e:2", json!({"restarted": "1"}));
        let theirs = template("e:2", json!({"restarted": "1", "theirs": "x"}));
        assert_eq!(turn(&before, &before, &ours).unwrap(), ours);
        assert_eq!(turn(&ours, &ours, &before).unwrap(), before);
        assert_eq!(turn(&before, &ours, &before).unwrap(), before, "once more");
        let left = template("e:1", json!({"theirs": "x"}));
        assert_eq!(turn(&theirs, &ours, &before).unwrap(), left);
    }

    #[test]
    fn what_others_have_changed_is_not_turned() {
        let (before, ours) = (template("e:1", json!({})), template("e:2", json!({})));
        let place = turn(&template("e:3", json!({})), &ours, &before);
        assert_eq!(place, Err("spec.containers[0].image".to_string()));
        let longer = json!({"metadata": {"annotations": {}}, "spec": {"containers": []}});
        assert_eq!(
            turn(&longer, &ours, &before),
            Err("spec.containers".to_string())
        );
    }

    #[test]
    fn what_was_missing_is_missing_again() {
        let (before, ours) = (
            json!({"spec": {}}),
            json!({"spec": {}, "metadata": {"annotations": {"r": "1"}}}),
        );
        assert_eq!(turn(&ours, &ours, &before).unwrap(), before);
        let theirs = json!({"spec": {}, "metadata": {"annotations": {"r": "1", "t": "2"}}});
        let left = json!({"spec": {}, "metadata": {"annotations": {"t": "2"}}});
        assert_eq!(turn(&theirs, &ours, &before).unwrap(), left);
    }

    #[test]
    fn a_patch_removes_what_is_to_go() {
        let (from, to) = (
            json!({"a": {"b": 1, "c": 2}, "d": [1]}),
            json!({"a": {"b": 1, "e": 3}, "d": [2]}),
        );
        assert_eq!(
            merge_patch(&from, &to),
            json!({"a": {"c": null, "e": 3}, "d": [2]})
        );
        assert_eq!(merge_patch(&to, &to), json!({}));
        assert_eq!(merge_patch(&json!(1), &json!(2)), json!(2));
    }
}
