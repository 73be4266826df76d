static float hellodl_clip(float value, float low, float high) {
    return value < low ? low : value > high ? high : value;
}

/* The picture upright and half the way to the usual width: rows slide by its slant, and are stretched. */
static void hellodl_upright(const uint8_t image[784], uint8_t out[784]) {
    float total = 0, x = 0, y = 0, xx = 0, xy = 0, yy = 0;
    for (int i = 0; i < 784; i++) {
        float across = i % 28 - $MIDDLE, down = i / 28 - $MIDDLE, ink = image[i];
        total += ink;
        x += ink * across;
        y += ink * down;
        xx += ink * (across * across);
        xy += ink * (across * down);
        yy += ink * (down * down);
    }
    if (total < 1) total = 1;
    x /= total; /* the centre of mass */
    y /= total;
    xx = xx / total - x * x;
    xy = xy / total - x * y;
    yy = yy / total - y * y;
    if (yy < $LEAST) yy = $LEAST;
    float slant = hellodl_clip(xy / yy, -$STEEPEST, $STEEPEST);
    float variance = xx - 2 * slant * xy + slant * slant * yy; /* once it is upright */
    float stretch = hellodl_clip(sqrtf(sqrtf(variance < 0 ? 0 : variance) / $USUAL), $NARROWEST, $WIDEST);
    for (int i = 0; i < 784; i++) {
        const uint8_t *row = image + i / 28 * 28;
        float middle = $MIDDLE + x + slant * (i / 28 - $MIDDLE - y);
        float place = hellodl_clip(stretch * (i % 28 - $MIDDLE) + middle, -1, 28) + 1;
        int at = (int)place; /* between two columns a share of both; what is beyond is bare */
        float left = at > 0 && at < 29 ? row[at - 1] : 0, right = at < 28 ? row[at] : 0;
        out[i] = (uint8_t)(left + (right - left) * (place - at) + 0.5f);
    }
}

